import { createHash, hash } from "node:crypto";
import { crc32 } from "../addon/index.ts";
import { isPayloadStream, type Payload } from "../http/index.ts";

/** Digests of a payload, as they are known; one that is a stream is read once for them. */
export function digestOf(name: "md5" | "sha256", payload: Payload): Buffer | Promise<Buffer> {
  const known = "digests" in payload ? payload.digests?.[name] : undefined;
  if (known !== undefined) return known;
  if (!isPayloadStream(payload) && payload.chunks.length === 1) {
    return hash(name, payload.chunks[0] ?? new Uint8Array(), "buffer");
  }
  return digestOfChunks(name, payload);
}

async function digestOfChunks(name: "md5" | "sha256", payload: Payload): Promise<Buffer> {
  const running = createHash(name);
  await forEachChunk(payload, (chunk) => running.update(chunk));
  return running.digest();
}

/** Content-MD5 (RFC 1864), which every store checks and Object Lock buckets demand. */
export async function contentMd5(payload: Payload): Promise<string> {
  return (await digestOf("md5", payload)).toString("base64");
}

/** The CRC-32 of RFC 1952, which takes a fraction of what any hash does. */
export async function crc32Of(payload: Payload): Promise<number> {
  let value = 0;
  await forEachChunk(payload, (chunk) => {
    value = crc32(chunk, value);
  });
  return value;
}

/** As `x-amz-checksum-crc32` carries it: base64 of the value in network byte order. */
export function encodeCrc32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString("base64");
}

/** Undefined for what is no CRC-32 of a whole object, such as the `…-3` of an object in three parts. */
export function decodeCrc32(text: string | undefined): number | undefined {
  if (text === undefined || !/^[A-Za-z0-9+/]{6}==$/.test(text)) return undefined;
  return Buffer.from(text, "base64").readUInt32BE();
}

/** The reflected polynomial of CRC-32. */
const polynomial = 0xedb88320;
const one = 0x80000000;

/**
 * The CRC-32 of two pieces one after the other, from those of each and the size of the second: the first is moved on by
 * so many zero bytes, that is multiplied by x^(8 * sizeBytes) modulo the polynomial (as zlib's crc32_combine does).
 */
export function combineCrc32(first: number, second: number, secondSizeBytes: number): number {
  let power = one;
  let square = multiply(one >>> 4, one >>> 4); // x^8: a byte
  for (let left = secondSizeBytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(square, power);
    square = multiply(square, square);
  }
  return (multiply(power, first) ^ second) >>> 0;
}

/** The product of two polynomials over GF(2), modulo CRC-32's; the highest bit is the coefficient of x^0. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return product;
}

export async function forEachChunk(payload: Payload, take: (chunk: Uint8Array) => void): Promise<void> {
  if (isPayloadStream(payload)) for await (const chunk of payload.open()) take(chunk as Uint8Array);
  else for (const chunk of payload.chunks) take(chunk);
}

/** The CRC-32 of a whole from those of its parts, which all have one, in order. */
export function wholeCrc32(
  parts: readonly { readonly crc32: number | undefined; readonly sizeBytes: number }[],
): number {
  return parts.reduce((value, { crc32: next = 0, sizeBytes }) => combineCrc32(value, next, sizeBytes), 0);
}

/** A CRC-32 that is computed as the bytes come, in hex. */
export function crc32Running() {
  let value = 0;
  return {
    update(bytes: Uint8Array) {
      value = crc32(bytes, value);
    },
    value: () => value.toString(16),
  };
}
