import type { Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import type { ByteReader } from "./byte-reader.ts";
import { decodeTarHeader, tarBlockBytes } from "./tar-header.ts";
import { zstdMark } from "./zstd.ts";

export type ArchiveFormat =
  | "tar"
  /** gzip, around whatever. */
  | "gzip"
  /** zstd, around whatever. */
  | "zstd"
  | "zip"
  | "none";

/** What a file's first bytes (512 for tar) say it is. */
export function detect(head: Uint8Array): ArchiveFormat {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8) return "gzip";
  if (isZstd(bytes)) return "zstd";
  if (["PK\x03\x04", "PK\x05\x06", "PK\x07\x08"].includes(bytes.toString("latin1", 0, 4))) return "zip";
  return isTarHeader(bytes) ? "tar" : "none";
}

/** A frame of zstd, or one that is to be skipped (RFC 8878 3.1.1 and 3.1.2). */
function isZstd(bytes: Buffer): boolean {
  if (bytes.length < 4) return false;
  const magic = bytes.readUInt32LE(0);
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5;
}

/** As much compressed data as we look at before deciding that no tar header will come. */
const packedHeadMax = 1024 * 1024;

/**
 * Whether a gzip stream holds a tar archive, from the first 512 decompressed bytes (docs/contract/artifacts.md#6.3).
 * Takes nothing from the reader, and no more than it needs from its source: a header is enough, whatever follows.
 */
export async function isTarInGzip(reader: ByteReader): Promise<boolean> {
  return await holdsTar(reader, () => createGunzip({ chunkSize: 1024, finishFlush: constants.Z_SYNC_FLUSH }));
}

/** The same of zstd that we have written: others' stays a file, as the stock executor leaves it. */
export async function isTarInOwnZstd(reader: ByteReader): Promise<boolean> {
  const head = await reader.peek(zstdMark.length);
  if (!head.subarray(0, zstdMark.length).equals(zstdMark)) return false;
  return await holdsTar(reader, () => createZstdDecompress({ chunkSize: 1024 }));
}

async function holdsTar(reader: ByteReader, open: () => Transform): Promise<boolean> {
  for (let wanted = 4096; ; wanted *= 4) {
    const packed = await reader.peek(wanted);
    const head = await unpackedHead(packed.subarray(0, packedHeadMax), open());
    if (head.length >= tarBlockBytes) return isTarHeader(head);
    if (packed.length < wanted || wanted >= packedHeadMax) return false;
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

/** The first bytes, enough for a header, of possibly cut data; fewer if it is damaged or holds no more. */
async function unpackedHead(packed: Buffer, stream: Transform): Promise<Buffer> {
  stream.end(packed);
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of stream) {
      head = Buffer.concat([head, chunk]);
      if (head.length >= tarBlockBytes) break;
    }
  } catch {
    // Damage is told when the file is unpacked or was meant to be; here it only means that no more came out.
  }
  return head;
}
