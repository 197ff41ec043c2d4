/**
 * Go's strings are bytes, mostly UTF-8; ours are JavaScript strings in which a byte that is not part of valid UTF-8
 * stands as the lone surrogate U+DC00 + byte. So every byte string has exactly one form here, equal strings compare
 * with `===`, and the rare operations by byte (slices, offsets, order) go through {@link bytesOf}.
 */
import { isUtf8 } from "node:buffer";

const escapeBase = 0xdc00;

/** The bytes of a text, with escaped bytes restored. */
export function bytesOf(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (!isEscapedByte(text, i)) continue;
    if (i > from) parts.push(Buffer.from(text.slice(from, i), "utf8"));
    parts.push(Buffer.of(text.charCodeAt(i) - escapeBase));
    from = i + 1;
  }
  if (from < text.length) parts.push(Buffer.from(text.slice(from), "utf8"));
  return Buffer.concat(parts);
}

/** The text that bytes stand for; each byte outside valid UTF-8 is escaped. */
export function textOfBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString("utf8");
  let text = "";
  let from = 0;
  for (let i = 0; i < buffer.length; ) {
    const width = sequenceLength(buffer, i);
    if (width > 0) {
      i += width;
      continue;
    }
    text += buffer.toString("utf8", from, i) + String.fromCharCode(escapeBase + (buffer[i] ?? 0));
    from = ++i;
  }
  return text + buffer.toString("utf8", from);
}

/** Concatenates; halves of a character that a slice had cut apart become that character again. */
export function joinText(left: string, right: string): string {
  if (left.length > 0 && right.length > 0 && endsEscaped(left) && isLowSurrogate(right.charCodeAt(0))) {
    return textOfBytes(Buffer.concat([bytesOf(left), bytesOf(right)]));
  }
  return left + right;
}

/** Orders by bytes; UTF-16 code units alone would put U+E000 to U+FFFF behind the characters above them. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const a = left.charCodeAt(i);
    const b = right.charCodeAt(i);
    if (a === b) continue;
    if (a < 0xd800 && b < 0xd800) return a - b;
    return Buffer.compare(bytesOf(left), bytesOf(right));
  }
  return left.length - right.length;
}

/** Number of code points; a stray byte counts as one. */
export function codePointCount(text: string): number {
  let count = text.length;
  for (let i = 1; i < text.length; i++) {
    if (isLowSurrogate(text.charCodeAt(i)) && isHighSurrogate(text.charCodeAt(i - 1))) count--;
  }
  return count;
}

/** Number of bytes. */
export function byteLength(text: string): number {
  return text.isWellFormed() ? Buffer.byteLength(text, "utf8") : bytesOf(text).length;
}

/** The bytes `from` (inclusive) to `to` (exclusive) as text. */
export function sliceBytes(text: string, from: number, to: number): string {
  // In ASCII a byte is a code unit.
  if (byteLength(text) === text.length && text.isWellFormed()) return text.slice(from, to);
  return textOfBytes(bytesOf(text).subarray(from, to));
}

/** Whether `text` holds the bytes of `part` anywhere. */
export function containsText(text: string, part: string): boolean {
  if (part.isWellFormed()) return text.includes(part);
  return bytesOf(text).includes(bytesOf(part));
}

export function startsWithText(text: string, part: string): boolean {
  if (part.isWellFormed()) return text.startsWith(part);
  const bytes = bytesOf(part);
  return bytesOf(text).subarray(0, bytes.length).equals(bytes);
}

export function endsWithText(text: string, part: string): boolean {
  if (part.isWellFormed()) return text.endsWith(part);
  const bytes = bytesOf(part);
  const whole = bytesOf(text);
  return whole.length >= bytes.length && whole.subarray(whole.length - bytes.length).equals(bytes);
}

/** Byte offset of the first (or last) occurrence of `part`, or -1. */
export function byteIndexOf(text: string, part: string, last = false): number {
  if (part.isWellFormed()) {
    const at = last ? text.lastIndexOf(part) : text.indexOf(part);
    return at <= 0 ? at : byteLength(text.slice(0, at));
  }
  const bytes = bytesOf(text);
  return last ? bytes.lastIndexOf(bytesOf(part)) : bytes.indexOf(bytesOf(part));
}

function endsEscaped(text: string): boolean {
  return isEscapedByte(text, text.length - 1);
}

function isEscapedByte(text: string, i: number): boolean {
  return isLowSurrogate(text.charCodeAt(i)) && !(i > 0 && isHighSurrogate(text.charCodeAt(i - 1)));
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** Length of the valid UTF-8 sequence at `i`, or 0. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const first = bytes[i] ?? 0;
  if (first < 0x80) return 1;
  const width = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (first < 0xc2 || width === 0 || i + width > bytes.length) return 0;
  return isUtf8(bytes.subarray(i, i + width)) ? width : 0;
}
