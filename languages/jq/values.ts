/**
 * Values of jq as gojq has them (docs/contract/expressions.md#5): a bigint is an integer of any size, as literals
 * and lengths are; a number is a double, as everything in the input is.
 */
import { LanguageError } from "../errors/index.ts";
import { bytesOf, compareText } from "../text/byte-text.ts";
import { JsonNumber, type JsonTree } from "../text/json-tree.ts";
import { formatFloat, jsonFloat } from "../text/numbers.ts";
import { quoteJson, quoteJsonPlain } from "../text/quote.ts";

export type JqValue = null | boolean | bigint | number | string | readonly JqValue[] | JqObject;

export type JqObject = ReadonlyMap<string, JqValue>;

/** An error that `try` can catch. */
export class JqError extends LanguageError {
  /** What `catch` gets. */
  readonly value: JqValue;

  constructor(message: string, value: JqValue = message) {
    super("evaluation", message);
    this.value = value;
  }
}

export function isArray(value: JqValue): value is readonly JqValue[] {
  return Array.isArray(value);
}

export function isObject(value: JqValue): value is JqObject {
  return value instanceof Map;
}

export function isNumber(value: JqValue): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

/** Everything but null and false. */
export function isTruthy(value: JqValue): boolean {
  return value !== null && value !== false;
}

export function typeOf(value: JqValue): string {
  if (value === null) return "null";
  if (isNumber(value)) return "number";
  if (isArray(value)) return "array";
  return typeof value === "object" ? "object" : typeof value;
}

/** Type and shortened value, as messages show them: `string ("foo")`. */
export function describe(value: JqValue): string {
  return value === null ? "null" : `${typeOf(value)} (${preview(value)})`;
}

/** Bytes of a value that messages show. */
const previewMax = 30;

/** A value as JSON, shortened: `[1,2,3,4 ...]`. */
export function preview(value: JqValue): string {
  const bytes = bytesOf(encode(value));
  if (bytes.length <= previewMax) return bytes.toString();
  const end =
    typeof value === "string" ? ' ..."' : isArray(value) ? " ...]" : isObject(value) ? " ...}" : " ...";
  let size = previewMax - end.length;
  // A character is shown whole or not at all.
  while (((bytes[size] ?? 0) & 0xc0) === 0x80) size--;
  return bytes.subarray(0, size).toString() + end;
}

/** The document as doubles; the members in order of their names. */
export function valueOfTree(tree: JsonTree): JqValue {
  if (tree === null || typeof tree === "boolean" || typeof tree === "string") return tree;
  if (tree instanceof JsonNumber) return Number(tree.text);
  if (!(tree instanceof Map)) return (tree as readonly JsonTree[]).map(valueOfTree);
  const members = tree as ReadonlyMap<string, JsonTree>;
  return new Map(Array.from(members, ([name, value]) => [name, valueOfTree(value)] as const));
}

export function sortedKeys(object: JqObject): string[] {
  return [...object.keys()].sort(compareText);
}

/** null, false, true, numbers, strings, arrays, objects. */
export function compare(left: JqValue, right: JqValue): number {
  const ranks = rank(left) - rank(right);
  if (ranks !== 0) return ranks;
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right);
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (isArray(left) && isArray(right)) return compareArrays(left, right);
  if (!isObject(left) || !isObject(right)) return 0;
  const keys = sortedKeys(left);
  const byKeys = compareArrays(keys, sortedKeys(right));
  if (byKeys !== 0) return byKeys;
  for (const key of keys) {
    const order = compare(left.get(key) ?? null, right.get(key) ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function rank(value: JqValue): number {
  if (value === null) return 0;
  if (typeof value === "boolean") return value ? 2 : 1;
  if (isNumber(value)) return 3;
  if (typeof value === "string") return 4;
  return isArray(value) ? 5 : 6;
}

/** NaN is smaller than every number, itself included. */
function compareNumbers(left: bigint | number, right: bigint | number): number {
  if (Number.isNaN(left)) return -1;
  if (Number.isNaN(right)) return 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareArrays(left: readonly JqValue[], right: readonly JqValue[]): number {
  for (let i = 0; i < left.length && i < right.length; i++) {
    const order = compare(left[i] ?? null, right[i] ?? null);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Compact JSON as `tojson` writes it: NaN is null, infinities are the largest doubles. */
export function encode(value: JqValue): string {
  return write(value, quoteOwn, (number) => {
    if (Number.isNaN(number)) return "null";
    return jsonFloat(Math.min(Math.max(number, -Number.MAX_VALUE), Number.MAX_VALUE));
  });
}

/** gojq's own way to quote: DEL is escaped, the separators of lines and paragraphs are not. */
function quoteOwn(text: string): string {
  if (!/[\u2028\u2029\u007f]/.test(text)) return quoteJsonPlain(text);
  const parts = text.split(/([\u2028\u2029\u007f])/).map((part, i) => {
    if (i % 2 === 0) return quoteJsonPlain(part).slice(1, -1);
    return part === "\u007f" ? "\\u007f" : part;
  });
  return `"${parts.join("")}"`;
}

/** Compact JSON as the result is printed: HTML-significant characters escaped, no NaN or infinity. */
export function encodeOutput(value: JqValue): string {
  return write(value, quoteJson, (number) => {
    if (Number.isFinite(number)) return jsonFloat(number);
    throw new JqError(`json: unsupported value: ${formatFloat(number, 0, 0, 0)}`);
  });
}

function write(value: JqValue, quote: (text: string) => string, float: (number: number) => string): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return float(value);
  if (value === null || typeof value !== "object") return String(value);
  if (isArray(value)) return `[${value.map((item) => write(item, quote, float)).join(",")}]`;
  const object = value as JqObject;
  const members = sortedKeys(object).map(
    (key) => `${quote(key)}:${write(object.get(key) ?? null, quote, float)}`,
  );
  return `{${members.join(",")}}`;
}
