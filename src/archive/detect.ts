import { constants, createGunzip } from "node:zlib";
import type { ByteReader } from "./byte-reader.ts";
import { decodeTarHeader, tarBlockBytes } from "./tar-header.ts";

export type ArchiveFormat =
  | "tar"
  /** gzip, around whatever. */
  | "gzip"
  | "zip"
  | "none";

/** What a file's first bytes (512 for tar) say it is. */
export function detect(head: Uint8Array): ArchiveFormat {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8) return "gzip";
  if (["PK\x03\x04", "PK\x05\x06", "PK\x07\x08"].includes(bytes.toString("latin1", 0, 4))) return "zip";
  return isTarHeader(bytes) ? "tar" : "none";
}

/** As much compressed data as we look at before deciding that no tar header will come. */
const gzipHeadMax = 1024 * 1024;

/**
 * Whether a gzip stream holds a tar archive, from the first 512 decompressed bytes (docs/contract/artifacts.md#6.3).
 * Takes nothing from the reader, and no more than it needs from its source: a header is enough, whatever follows.
 */
export async function isTarInGzip(reader: ByteReader): Promise<boolean> {
  for (let wanted = 4096; ; wanted *= 4) {
    const compressed = await reader.peek(wanted);
    const head = await gunzipHead(compressed.subarray(0, gzipHeadMax), tarBlockBytes);
    if (head.length >= tarBlockBytes) return isTarHeader(head);
    if (compressed.length < wanted || wanted >= gzipHeadMax) return false;
  }
}

function isTarHeader(head: Buffer): boolean {
  if (head.length < tarBlockBytes) return false;
  try {
    return decodeTarHeader(head) !== undefined;
  } catch {
    // Not a header: that is the answer, not a failure.
    return false;
  }
}

/** The first decompressed bytes of possibly cut gzip data; fewer if it is damaged or holds no more. */
async function gunzipHead(compressed: Buffer, length: number): Promise<Buffer> {
  const stream = createGunzip({ chunkSize: 1024, finishFlush: constants.Z_SYNC_FLUSH });
  stream.end(compressed);
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of stream) {
      head = Buffer.concat([head, chunk]);
      if (head.length >= length) break;
    }
  } catch {
    // Damage is told when the file is unpacked or was meant to be; here it only means that no more came out.
  }
  return head;
}
