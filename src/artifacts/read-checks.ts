import { ExecutorError } from "../errors/index.ts";
import type { ByteRange } from "../streams/index.ts";
import type { ObjectInfo } from "../transfer/index.ts";

/** The head of an answer, however it came. */
export interface AnswerHead {
  readonly status: number;
  header(name: string): string | undefined;
}

/** True where all of the object is wanted, which is then asked for as such: not every store knows ranges. */
export function isWhole(info: ObjectInfo, range: ByteRange | undefined): boolean {
  return range === undefined || (range.offset === 0 && range.length === info.sizeBytes);
}

export function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${offset + length - 1}`;
}

/**
 * Checks that an answer to a read is about the bytes that were asked for, before any of them is believed.
 * @throws Unsupported where ranges are ignored, Corrupt for another range or length.
 */
export function checkRange(head: AnswerHead, info: ObjectInfo, range: ByteRange | undefined): void {
  const { key, sizeBytes } = info;
  const length = head.header("content-length");
  if (range === undefined || isWhole(info, range)) {
    if (head.status === 200 && (length === undefined || Number(length) === sizeBytes)) return;
    if (head.status === 206 && head.header("content-range") === `bytes 0-${sizeBytes - 1}/${sizeBytes}`)
      return;
    throw wrong(
      key,
      `${sizeBytes} bytes are stored, and the answer (${head.status}) has ${length ?? "none"}`,
    );
  }
  if (head.status === 200) {
    const text = `${key}: the store ignores ranges, which large and broken downloads need`;
    throw new ExecutorError("Unsupported", text);
  }
  const expected = `bytes ${range.offset}-${range.offset + range.length - 1}/${sizeBytes}`;
  const found = head.header("content-range");
  if (head.status !== 206 || found !== expected) {
    throw wrong(key, `asked for ${expected}, the store answered with ${quoted(found)}`);
  }
  if (length !== undefined && Number(length) !== range.length) {
    throw wrong(key, `asked for ${range.length} bytes, the store announces ${length}`);
  }
}

/** Reads the length that the answer to a HEAD must have; a missing one is not zero. */
export function lengthOf(head: AnswerHead, key: string, name = "content-length"): number {
  return sizeOf(head.header(name), `${key}: the store did not say how long the object is (${name})`);
}

/** A date as stores write it, in milliseconds since 1970; nothing depends on it, so that no date is no error. */
export function dateOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** A size as stores write it; anything else is an error that begins with `missing`. */
export function sizeOf(text: string | undefined, missing: string): number {
  if (text === undefined || !/^\d{1,16}$/.test(text)) {
    throw new ExecutorError("Transient", `${missing}: ${quoted(text)}`);
  }
  return Number(text);
}

/** The tag, or generation, by which an object's bytes are named; there is none of them without. */
export function tagOf(text: string | undefined, key: string): string {
  if (text !== undefined && text !== "" && !/[\r\n]/.test(text)) return text;
  throw new ExecutorError(
    "Transient",
    `${key}: the answer names no version of the object; is it the store's?`,
  );
}

function wrong(key: string, difference: string): ExecutorError {
  return new ExecutorError("Corrupt", `${key}: ${difference}`);
}

function quoted(text: string | undefined): string {
  return text === undefined ? "none" : JSON.stringify(text.slice(0, 100));
}

/** Throws Transient for another success than the one that the store answers with. */
export function expectStatus(answer: AnswerHead, status: number, key: string): void {
  if (answer.status === status) return;
  throw new ExecutorError("Transient", `${key}: the answer has status ${answer.status} and not ${status}`);
}
