/** Functions of text. */
import type { Budget } from "../../budget.ts";
import {
  byteIndexOf,
  bytesOf,
  endsWithText,
  joinText,
  sliceBytes,
  startsWithText,
  textOfBytes,
} from "../../text/byte-text.ts";
import { notString, toInteger } from "../operators.ts";
import { boolType, intType, listType, stringsType, stringType } from "../types.ts";
import { elementsOf, List, runError, typeName, type Value } from "../values.ts";
import { argument, type Builtin, type Builtins, overloads } from "./builtin.ts";

/** Text is changed in pieces of about this many characters: what they leave behind is collected on the way. */
const chunkLength = 4096;
const repeatMax = 1_000_000n;
const outerSpace = /^[\s\u0085]+|[\s\u0085]+$/gu;

export const stringBuiltins: Builtins = [
  ["trim", { rule: overloads(stringType, [stringType], [stringType, stringType]), call: trim }],
  affix("trimPrefix", (text, affixText) =>
    startsWithText(text, affixText)
      ? sliceBytes(text, bytesOf(affixText).length, Number.MAX_SAFE_INTEGER)
      : text,
  ),
  affix("trimSuffix", (text, affixText) =>
    endsWithText(text, affixText)
      ? sliceBytes(text, 0, bytesOf(text).length - bytesOf(affixText).length)
      : text,
  ),
  [
    "upper",
    {
      rule: overloads(stringType, [stringType]),
      call: (args, budget) => mapCase(textArgument(args, 0), "toUpperCase", budget),
    },
  ],
  [
    "lower",
    {
      rule: overloads(stringType, [stringType]),
      call: (args, budget) => mapCase(textArgument(args, 0), "toLowerCase", budget),
    },
  ],
  splitting("split", false),
  splitting("splitAfter", true),
  [
    "replace",
    {
      rule: overloads(
        stringType,
        [stringType, stringType, stringType, intType],
        [stringType, stringType, stringType],
      ),
      call: (args, budget) => {
        const count = args.length > 3 ? toInteger(argument(args, 3)) : -1n;
        return replace(
          textArgument(args, 0),
          textArgument(args, 1),
          textArgument(args, 2),
          Number(count),
          budget,
        );
      },
    },
  ],
  ["repeat", { rule: overloads(stringType, [stringType, intType]), call: repeat }],
  [
    "join",
    {
      rule: overloads(
        stringType,
        [stringsType, stringType],
        [listType, stringType],
        [listType],
        [stringsType],
      ),
      call: join,
    },
  ],
  pairTest("indexOf", (text, part) => BigInt(byteIndexOf(text, part))),
  pairTest("lastIndexOf", (text, part) => BigInt(byteIndexOf(text, part, true))),
  pairTest("hasPrefix", startsWithText),
  pairTest("hasSuffix", endsWithText),
];

/** The text at a place. Throws when it is none. */
export function textArgument(args: readonly Value[], i: number): string {
  const value = argument(args, i);
  if (typeof value === "string") return value;
  throw notString(value);
}

function trim(args: readonly Value[]): string {
  const text = textArgument(args, 0);
  if (args.length === 1)
    return text.replace(outerSpace, (space) => (space.includes("\ufeff") ? keepMarks(space) : ""));
  const chars = new Set(textArgument(args, 1));
  let start = 0;
  let end = text.length;
  for (let char = charAt(text, start); start < end && chars.has(char); char = charAt(text, start))
    start += char.length;
  for (let char = charBefore(text, end); end > start && chars.has(char); char = charBefore(text, end))
    end -= char.length;
  return text.slice(start, end);
}

function charAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}

function charBefore(text: string, at: number): string {
  const code = text.codePointAt(at - 2);
  return code !== undefined && code > 0xffff ? String.fromCodePoint(code) : text.charAt(at - 1);
}

/** JavaScript counts the byte order mark as space, Go does not. */
function keepMarks(space: string): string {
  return space.slice(space.indexOf("\ufeff"), space.lastIndexOf("\ufeff") + 1);
}

function affix(name: string, cut: (text: string, affix: string) => string): readonly [string, Builtin] {
  const call = (args: readonly Value[]): Value =>
    cut(textArgument(args, 0), args.length > 1 ? textArgument(args, 1) : " ");
  return [name, { rule: overloads(stringType, [stringType, stringType], [stringType]), call }];
}

/** Character by character, so that one character stays one: `ß` has no upper case of its own. */
function mapCase(text: string, method: "toUpperCase" | "toLowerCase", budget: Budget): string {
  budget.chargeText(text.length * 2);
  const parts: string[] = [];
  for (let from = 0; from < text.length; ) {
    const isCutInPair = (text.codePointAt(from + chunkLength - 1) ?? 0) > 0xffff;
    const chunk = text.slice(from, from + chunkLength - (isCutInPair ? 1 : 0));
    from += chunk.length;
    parts.push(mapChunk(chunk, method));
  }
  return parts.join("");
}

/** The engine's mapping where it is one of characters to characters; a final sigma has none of its own in Go. */
function mapChunk(chunk: string, method: "toUpperCase" | "toLowerCase"): string {
  const mapped = chunk[method]();
  if (mapped.length === chunk.length && !chunk.includes("\u03a3")) return mapped;
  return Array.from(chunk, (char) => mapCharacter(char, method)).join("");
}

function mapCharacter(char: string, method: "toUpperCase" | "toLowerCase"): string {
  if (char === "\u0130") return method === "toLowerCase" ? "i" : char;
  const changed = char[method]();
  const isOne = changed.length === 1 || (changed.length === 2 && (changed.codePointAt(0) ?? 0) > 0xffff);
  if (isOne) return changed;
  return method === "toUpperCase" ? withIota(char) : char;
}

/** The capital of a Greek letter with an iota below, which has one character of its own; others stay. */
function withIota(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (/[\u1f80-\u1f87\u1f90-\u1f97\u1fa0-\u1fa7]/.test(char)) return String.fromCodePoint(code + 8);
  return /[\u1fb3\u1fc3\u1ff3]/.test(char) ? String.fromCodePoint(code + 9) : char;
}

function splitting(name: string, keepsSeparator: boolean): readonly [string, Builtin] {
  const call = (args: readonly Value[], budget: Budget): Value => {
    const text = textArgument(args, 0);
    const separator = textArgument(args, 1);
    const limit = args.length > 2 ? Number(toInteger(argument(args, 2))) : -1;
    if (limit === 0) return new List([], "string", true);
    const parts = split(text, separator, limit < 0 ? Number.MAX_SAFE_INTEGER : limit, budget);
    const last = parts.length - 1;
    return new List(
      keepsSeparator ? parts.map((part, i) => (i < last ? part + separator : part)) : parts,
      "string",
    );
  };
  return [
    name,
    { rule: overloads(stringsType, [stringType, stringType], [stringType, stringType, intType]), call },
  ];
}

function split(text: string, separator: string, limit: number, budget: Budget): string[] {
  budget.chargeText(text.length);
  budget.chargeParts(countOf(text, separator) + 1);
  if (separator === "") {
    const chars = Array.from(text);
    return chars.length <= limit ? chars : [...chars.slice(0, limit - 1), chars.slice(limit - 1).join("")];
  }
  if (!separator.isWellFormed()) {
    const latin = (value: string): string => bytesOf(value).toString("latin1");
    return split(latin(text), latin(separator), limit, budget).map((part) =>
      textOfBytes(Buffer.from(part, "latin1")),
    );
  }
  const parts = text.split(separator);
  return parts.length <= limit
    ? parts
    : [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)];
}

/** The first `count` occurrences, or all when it is negative; empty text occurs around every character. */
function replace(text: string, old: string, by: string, count: number, budget: Budget): string {
  const limit = count < 0 ? Number.MAX_SAFE_INTEGER : count;
  if (old === by || limit === 0) return text;
  if (!old.isWellFormed()) {
    const parts = limit === Number.MAX_SAFE_INTEGER ? limit : limit + 1;
    budget.chargeText(by.length * Math.min(limit, text.length));
    return split(text, old, parts, budget).join(by);
  }
  if (old === "") {
    budget.chargeParts(text.length);
    const chars = Array.from(text);
    budget.chargeText(text.length + by.length * Math.min(limit, chars.length + 1));
    const head = chars.map((char, i) => (i < limit ? by + char : char)).join("");
    return chars.length < limit ? head + by : head;
  }
  const found = Math.min(countOf(text, old), limit);
  budget.chargeText(2 * (text.length + (by.length - old.length) * found));
  const chunks: string[] = [];
  let parts: string[] = [];
  let from = 0;
  for (let count = 0; count < found; count++) {
    const at = text.indexOf(old, from);
    parts.push(text.slice(from, at), by);
    from = at + old.length;
    if (parts.length < chunkLength) continue;
    chunks.push(parts.join(""));
    parts = [];
  }
  return chunks.join("") + parts.join("") + text.slice(from);
}

/** How often a text occurs in another, without overlaps; every character counts for the empty one. */
function countOf(text: string, part: string): number {
  if (part === "") return text.length;
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}

function repeat(args: readonly Value[], budget: Budget): string {
  const text = textArgument(args, 0);
  const count = toInteger(argument(args, 1));
  if (count < 0n) throw runError(`invalid argument for repeat (expected positive integer, got ${count})`);
  if (count > repeatMax) throw runError("memory budget exceeded");
  const length = bytesOf(text).length * Number(count);
  budget.charge(length);
  budget.chargeText(length);
  return text.repeat(Number(count));
}

function join(args: readonly Value[], budget: Budget): string {
  const value = argument(args, 0);
  const items = elementsOf(value);
  if (items === undefined)
    throw runError(`invalid argument for join (type ${value === null ? "%!s(<nil>)" : typeName(value)})`);
  const separator = args.length > 1 ? textArgument(args, 1) : "";
  const parts = items.map((_, i) => textArgument(items, i));
  budget.chargeText(parts.reduce((sum, part) => sum + part.length + separator.length, 0));
  const joined = parts.join(separator);
  return joined.isWellFormed()
    ? joined
    : parts.reduce((text, part, i) => joinText(text, i > 0 ? separator + part : part), "");
}

function pairTest(name: string, on: (text: string, part: string) => Value): readonly [string, Builtin] {
  const result = name.endsWith("Of") ? intType : boolType;
  const call = (args: readonly Value[]): Value => on(textArgument(args, 0), textArgument(args, 1));
  return [name, { rule: overloads(result, [stringType, stringType]), call }];
}
