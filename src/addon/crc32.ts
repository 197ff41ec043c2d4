import { crc32 as zlibCrc32 } from "node:zlib";
import { openAddon } from "./addon.ts";

/** Below that the library would cost more to load, or a call to make, than it spares. */
const nativeBytesMin = 64 * 1024;

/** Node's zlib takes 2 ms of CPU to load, in which this many bytes are summed without it. */
const plainBytesMax = 256 * 1024;
let plainBytes = 0;

interface Addon {
  crc32(bytes: Uint8Array, value: number): number;
}

/**
 * The CRC-32 of RFC 1952. `value`: that of the bytes before. By ISA-L for long pieces, which takes a fraction of what zlib
 * takes, where this installation has it; a pod that has a few small objects to sum loads neither.
 */
export function crc32(bytes: Uint8Array, value = 0): number {
  if (bytes.byteLength < nativeBytesMin && plainBytes < plainBytesMax) {
    plainBytes += bytes.byteLength;
    return plainCrc32(bytes, value);
  }
  const addon = bytes.byteLength < nativeBytesMin ? undefined : (openAddon() as Addon | undefined);
  return addon === undefined ? zlibCrc32(bytes, value) : addon.crc32(bytes, value);
}

/** The polynomial of RFC 1952, section 8, lowest bit first. */
const polynomial = 0xedb88320;
let table: Uint32Array | undefined;

function plainCrc32(bytes: Uint8Array, value: number): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? polynomial : 0);
    return sum;
  });
  let sum = ~value;
  for (const byte of bytes) sum = (sum >>> 8) ^ (table[(sum ^ byte) & 0xff] ?? 0);
  return ~sum >>> 0;
}
