import { crc32 as zlibCrc32 } from "node:zlib";
import { openAddon } from "./addon.ts";

/** Below that the library would cost more to load, or a call to make, than it spares. */
const nativeBytesMin = 64 * 1024;

interface Addon {
  crc32(bytes: Uint8Array, value: number): number;
}

/**
 * The CRC-32 of RFC 1952. `value`: that of the bytes before. By ISA-L for long pieces, which takes a fraction of what zlib
 * takes, where this installation has it.
 */
export function crc32(bytes: Uint8Array, value = 0): number {
  const addon = bytes.byteLength < nativeBytesMin ? undefined : (openAddon() as Addon | undefined);
  return addon === undefined ? zlibCrc32(bytes, value) : addon.crc32(bytes, value);
}
