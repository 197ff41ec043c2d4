/** JSON text to values. */

import { ExecutorError } from "../../src/errors/index.ts";
import { type JsonBuilder, parseJson } from "../text/json-parse.ts";
import { fitsInt64 } from "../text/numbers.ts";
import { List, type Value } from "./values.ts";

/**
 * `floats`: every number is a float, as `fromJSON` has it. `numbers`: a number without fraction and exponent is an
 * int, as in an environment. Throws BadRequest with Go's message.
 */
export function decodeJson(text: string, numbers: "floats" | "numbers"): Value {
  return parseJson<Value>(text, numbers === "floats" ? floatsBuilder : numbersBuilder);
}

/** The value of a number's source text: an int where it is one and fits, else a float. */
export function numberValue(text: string): bigint | number {
  if (/^-?\d+$/.test(text)) {
    const integer = BigInt(text);
    if (fitsInt64(integer)) return integer;
  }
  return floatValue(text);
}

function floatValue(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  throw new ExecutorError(
    "BadRequest",
    `json: cannot unmarshal number ${text} into Go value of type float64`,
  );
}

const floatsBuilder: JsonBuilder<Value> = {
  literal: (value) => value,
  string: (value) => value,
  number: floatValue,
  array: (items) => new List(items),
  object: (members) => members,
};

const numbersBuilder: JsonBuilder<Value> = { ...floatsBuilder, number: numberValue };
