/** Functions of any value: size, keys, membership, conversion. */

import { LanguageError, messageOf } from "../../errors/index.ts";
import { codePointCount } from "../../text/byte-text.ts";
import { parseJson } from "../../text/json-parse.ts";
import { quoteGo } from "../../text/quote.ts";
import { toText } from "../formats.ts";
import type { NativeFunctions } from "../native.ts";
import { failedOn, notApplicable } from "../problems.ts";
import {
  compare,
  describe,
  encode,
  isArray,
  isNumber,
  isObject,
  JqError,
  type JqValue,
  preview,
  sortedKeys,
  typeOf,
} from "../values.ts";

export const valueFunctions: NativeFunctions = {
  "not/0": (input) => input === null || input === false,
  "type/0": typeOf,
  "length/0": (input) => {
    if (input === null) return 0n;
    if (typeof input === "string") return BigInt(codePointCount(input));
    if (isArray(input)) return BigInt(input.length);
    if (isObject(input)) return BigInt(input.size);
    if (isNumber(input)) return absolute(input);
    throw notApplicable("length", input);
  },
  "abs/0": (input) => {
    if (!isNumber(input)) throw notApplicable("abs", input);
    return input < 0 ? -input : input;
  },
  "keys/0": (input) => {
    if (isArray(input)) return input.map((_, i) => BigInt(i));
    if (isObject(input)) return sortedKeys(input);
    throw notApplicable("keys", input);
  },
  "has/1": (input, [key = null]) => {
    if (input === null) return false;
    if (isObject(input) && typeof key === "string") return input.has(key);
    if (isArray(input) && isNumber(key)) return Math.trunc(Number(key)) >= 0 && key < input.length;
    throw new JqError(`has(${preview(key)}) cannot be applied to: ${describe(input)}`);
  },
  "contains/1": (input, [part = null]) => contains(input, part),
  "tojson/0": encode,
  "fromjson/0": (input) => {
    if (typeof input !== "string") throw notApplicable("fromjson", input);
    return fromJson(input);
  },
  "tostring/0": toText,
  "tonumber/0": (input) => {
    if (isNumber(input)) return input;
    if (typeof input !== "string") throw notApplicable("tonumber", input);
    if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(input)) {
      throw new JqError(`tonumber cannot be applied to ${encode(input)}: invalid number`);
    }
    return numberOf(input);
  },
  // Modules do not exist here.
  "modulemeta/0": (input) => {
    if (typeof input === "string") throw new JqError(`cannot load module: ${quoteGo(input)}`);
    throw notApplicable("modulemeta", input);
  },
  "toboolean/0": (input) => {
    if (typeof input === "boolean") return input;
    if (input === "true" || input === "false") return input === "true";
    if (typeof input === "string") throw failedOn("toboolean", input, [], "invalid boolean");
    throw notApplicable("toboolean", input);
  },
};

function absolute(value: bigint | number): JqValue {
  if (typeof value === "number") return Math.abs(value);
  return value < 0n ? -value : value;
}

/** Integers of any size stay exact. */
function numberOf(text: string): JqValue {
  return /^[+-]?\d+$/.test(text) ? BigInt(text.replace("+", "")) : Number(text);
}

function fromJson(text: string): JqValue {
  try {
    return parseJson<JqValue>(text, {
      literal: (value) => value,
      string: (value) => value,
      number: numberOf,
      array: (items) => items,
      object: (members) => members,
    });
  } catch (error) {
    const cause = error instanceof LanguageError ? error.reason : undefined;
    // The reference reads one value, then looks whether there is more; and tells the end of nothing from that of a part.
    if (cause === "MoreText") throw notApplicable("fromjson", text);
    const ended = text.trim() === "" ? "EOF" : "unexpected EOF";
    const reason = cause === "EndOfText" ? ended : messageOf(error);
    throw failedOn("fromjson", text, [], reason);
  }
}

/** Text in text, every element in some element, every member in the member of its name; else equality. */
function contains(value: JqValue, part: JqValue): boolean {
  if (typeof value === "string" && typeof part === "string") return value.includes(part);
  if (isArray(value) && isArray(part)) {
    return part.every((item) =>
      value.some((other) => typeOf(other) === typeOf(item) && contains(other, item)),
    );
  }
  if (isObject(value) && isObject(part)) {
    return [...part].every(([key, item]) => {
      const other = value.get(key);
      return other !== undefined && typeOf(other) === typeOf(item) && contains(other, item);
    });
  }
  const isComparable = typeOf(value) === typeOf(part) && typeof value !== "boolean";
  if (isComparable || value === part) return compare(value, part) === 0;
  throw new JqError(`contains(${preview(part)}) cannot be applied to: ${describe(value)}`);
}
