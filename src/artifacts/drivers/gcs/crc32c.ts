import type { Payload } from "../../../http/index.ts";
import { crc32c } from "../../crc.ts";
import { forEachChunk } from "../../digests.ts";

/** As Google writes it: base64 of the value in network byte order. */
export function encodeCrc32c(value: bigint): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(Number(value));
  return bytes.toString("base64");
}

/** A CRC-32C that is computed as the bytes come. */
export function runningCrc32c(from: bigint = crc32c().empty) {
  const { update } = crc32c();
  let crc = from;
  return {
    update(bytes: Uint8Array) {
      crc = update(crc, bytes);
    },
    get crc() {
      return crc;
    },
    value: () => encodeCrc32c(crc),
  };
}

export async function crc32cOf(payload: Payload): Promise<string> {
  const running = runningCrc32c();
  await forEachChunk(payload, (chunk) => running.update(chunk));
  return running.value();
}

/** The CRC-32C of an `x-goog-hash` header, which may name other digests beside it. */
export function crc32cOfHeader(header: string | undefined): string | undefined {
  return /(?:^|[\s,])crc32c=([A-Za-z0-9+/]{6}==)/.exec(header ?? "")?.[1];
}
