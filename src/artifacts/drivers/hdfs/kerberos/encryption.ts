import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ExecutorError } from "../../../../errors/index.ts";

/** aes128-cts-hmac-sha1-96 and aes256-cts-hmac-sha1-96 (RFC 3962); nothing weaker is spoken. */
export type EncryptionType = 17 | 18;

export interface EncryptionKey {
  readonly type: EncryptionType;
  readonly bytes: Buffer;
}

/** What a key is used for (RFC 4120 section 7.5.1). */
export const usages = {
  timestamp: 1,
  asReply: 3,
  tgsChecksum: 6,
  tgsAuthenticator: 7,
  tgsReply: 8,
  authenticator: 11,
  apReply: 12,
} as const;

const blockBytes = 16;
const macBytes = 12;

/** The type, if it is one of ours and the key is as long as that wants. */
export function toKey(type: number, bytes: Buffer): EncryptionKey | undefined {
  const isOurs = (type === 17 && bytes.length === 16) || (type === 18 && bytes.length === 32);
  return isOurs ? { type: type as EncryptionType, bytes: Buffer.from(bytes) } : undefined;
}

export function encrypt(key: EncryptionKey, usage: number, plain: Buffer): Buffer {
  const content = Buffer.concat([randomBytes(blockBytes), plain]);
  return Buffer.concat([
    encryptCts(derive(key, usage, 0xaa), content),
    mac(derive(key, usage, 0x55), content),
  ]);
}

/** @throws Unauthorized where the key is not that of the cipher text, or that was changed. */
export function decrypt(key: EncryptionKey, usage: number, cipher: Buffer): Buffer {
  const body = cipher.subarray(0, -macBytes);
  if (body.length >= blockBytes) {
    const content = decryptCts(derive(key, usage, 0xaa), body);
    const expected = mac(derive(key, usage, 0x55), content);
    if (timingSafeEqual(expected, cipher.subarray(-macBytes))) return content.subarray(blockBytes);
  }
  throw new ExecutorError("Unauthorized", "Kerberos: the answer cannot be decrypted with our key");
}

export function checksum(
  key: EncryptionKey,
  usage: number,
  content: Buffer,
): { readonly type: number; readonly bytes: Buffer } {
  return { type: key.type === 17 ? 15 : 16, bytes: mac(derive(key, usage, 0x99), content) };
}

function mac(key: Buffer, content: Buffer): Buffer {
  return createHmac("sha1", key).update(content).digest().subarray(0, macBytes);
}

/** DK of RFC 3961 section 5.1, for a usage and one of its three purposes. */
function derive({ bytes }: EncryptionKey, usage: number, purpose: number): Buffer {
  const constant = Buffer.alloc(5, purpose);
  constant.writeUInt32BE(usage);
  const blocks: Buffer[] = [];
  let block = fold(constant, blockBytes);
  for (let length = 0; length < bytes.length; length += blockBytes) {
    block = cbc(bytes, block);
    blocks.push(block);
  }
  return Buffer.concat(blocks);
}

/** n-fold of RFC 3961 section 5.1: copies, each rotated by 13 bits more, summed up with end-around carry. */
export function fold(input: Buffer, length: number): Buffer {
  const bits = input.length * 8;
  const total = (input.length * length) / greatestDivisor(input.length, length);
  const sum = Buffer.alloc(length);
  let carry = 0;
  for (let index = total - 1; index >= 0; index -= 1) {
    const copy = Math.floor(index / input.length);
    const start = (((index % input.length) * 8 - 13 * copy) % bits) + bits;
    const high = input[Math.floor(start / 8) % input.length] ?? 0;
    const low = input[(Math.floor(start / 8) + 1) % input.length] ?? 0;
    const byte = (((high << 8) | low) >>> (8 - (start % 8))) & 0xff;
    carry += byte + (sum[index % length] ?? 0);
    sum[index % length] = carry & 0xff;
    carry >>>= 8;
  }
  for (let index = length - 1; index >= 0 && carry > 0; index -= 1) {
    carry += sum[index] ?? 0;
    sum[index] = carry & 0xff;
    carry >>>= 8;
  }
  return sum;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function cbc(key: Buffer, content: Buffer): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, Buffer.alloc(blockBytes));
  return cipher.setAutoPadding(false).update(content);
}

/** CBC with ciphertext stealing, the last two blocks always swapped (RFC 3962 section 5). */
export function encryptCts(key: Buffer, content: Buffer): Buffer {
  if (content.length <= blockBytes) return cbc(key, content);
  const padding = (blockBytes - (content.length % blockBytes)) % blockBytes;
  const whole = cbc(key, Buffer.concat([content, Buffer.alloc(padding)]));
  const cut = whole.length - 2 * blockBytes;
  const before = whole.subarray(cut, cut + blockBytes - padding);
  return Buffer.concat([whole.subarray(0, cut), whole.subarray(cut + blockBytes), before]);
}

export function decryptCts(key: Buffer, cipher: Buffer): Buffer {
  const decipher = (bytes: Buffer) =>
    createDecipheriv(`aes-${key.length * 8}-ecb`, key, null)
      .setAutoPadding(false)
      .update(bytes);
  if (cipher.length <= blockBytes) return decipher(cipher);
  const rest = cipher.length % blockBytes || blockBytes;
  const cut = cipher.length - rest - blockBytes;
  const last = cipher.subarray(cut, cut + blockBytes);
  const partial = cipher.subarray(cut + blockBytes);
  const mixed = decipher(last);
  const before = Buffer.concat([partial, mixed.subarray(rest)]);
  // Blocks in their order of CBC: what was swapped is put back.
  const blocks = Buffer.concat([cipher.subarray(0, cut), before]);
  const plain = decipher(blocks);
  for (let index = 0; index < plain.length; index += 1) {
    const previous = index < blockBytes ? 0 : (blocks[index - blockBytes] ?? 0);
    plain[index] = (plain[index] ?? 0) ^ previous;
  }
  const end = Buffer.from(mixed.subarray(0, rest));
  for (let index = 0; index < rest; index += 1) end[index] = (end[index] ?? 0) ^ (partial[index] ?? 0);
  return Buffer.concat([plain, end]);
}
