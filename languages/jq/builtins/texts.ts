/** Functions of text. */

import type { Budget } from "../../budget.ts";
import { bytesOf } from "../../text/byte-text.ts";
import { add, splitText } from "../arithmetic.ts";
import { applyFormat, toText } from "../formats.ts";
import type { NativeFunction, NativeFunctions } from "../native.ts";
import { notApplicable } from "../problems.ts";
import {
  describe,
  isArray,
  isNumber,
  isObject,
  JqError,
  type JqValue,
  preview,
  sortedKeys,
} from "../values.ts";

export const textFunctions: NativeFunctions = {
  "_case/1": (input, [form]) => {
    const name = form === "lower" ? "ascii_downcase" : "ascii_upcase";
    const text = textOf(name, input).toWellFormed();
    if (form === "lower") return text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
    return text.replace(/[a-z]+/g, (run) => run.toUpperCase());
  },
  "explode/0": (input) =>
    Array.from(textOf("explode", input).toWellFormed(), (char) => BigInt(char.codePointAt(0) ?? 0)),
  "implode/0": (input) => {
    if (!isArray(input)) throw notApplicable("implode", input);
    if (!input.every(isNumber)) throw notApplicable("implode", input);
    return input.map(codePoint).join("");
  },
  "startswith/1": two("startswith", (text, part) => text.startsWith(part)),
  "endswith/1": two("endswith", (text, part) => text.endsWith(part)),
  "ltrimstr/1": two("ltrimstr", (text, part) => (text.startsWith(part) ? text.slice(part.length) : text)),
  "rtrimstr/1": two("rtrimstr", cutEnd),
  "trimstr/1": two("trimstr", (text, part) =>
    cutEnd(text.startsWith(part) ? text.slice(part.length) : text, part),
  ),
  "trim/0": (input) => textOf("trim", input).replace(/^\s+|\s+$/g, ""),
  "ltrim/0": (input) => textOf("ltrim", input).replace(/^\s+/, ""),
  "rtrim/0": (input) => textOf("rtrim", input).replace(/\s+$/, ""),
  "split/1": (input, [separator = null]) => {
    if (typeof input !== "string") throw notApplicable("split", input);
    if (typeof separator !== "string") throw notApplicable("split", separator);
    // Where `/` gives nothing.
    return input === "" && separator !== "" ? [""] : splitText(input, separator);
  },
  "join/1": (input, [separator = null], { budget }) => {
    const items = isObject(input) ? sortedKeys(input).map((key) => input.get(key) ?? null) : input;
    if (!isArray(items))
      throw new JqError(`join(${preview(separator)}) cannot be applied to: ${describe(input)}`);
    const parts = items.map((item) => (item === null ? "" : typeof item === "object" ? item : toText(item)));
    const texts = parts.filter((part) => typeof part === "string");
    if (texts.length < parts.length || typeof separator !== "string")
      return joinByAdding(parts, separator, budget);
    budget.chargeText(texts.reduce((sum, text) => sum + text.length + separator.length, 0));
    return texts.join(separator);
  },
  "utf8bytelength/0": (input) => BigInt(bytesOf(textOf("utf8bytelength", input)).length),
  "format/1": (input, [name = null]) => applyFormat(textOf("format", name), input),
};

/** What cannot be joined as text fails, or not, as an addition does. */
function joinByAdding(parts: readonly JqValue[], separator: JqValue, budget: Budget): JqValue {
  const all = parts.flatMap((part, i) => (i > 0 ? [separator, part] : [part]));
  return all.reduce((sum, part) => add(sum, part, budget), "");
}

/** The text that a value is. Throws for anything else, naming the function. */
export function textOf(name: string, value: JqValue | undefined): string {
  if (typeof value === "string") return value;
  throw notApplicable(name, value ?? null);
}

/** A function of the input and one argument, both text. */
function two(name: string, on: (text: string, argument: string) => JqValue): NativeFunction {
  return (input, [argument = null]) => {
    if (typeof input === "string" && typeof argument === "string") return on(input, argument);
    throw new JqError(`${name}(${preview(argument)}) cannot be applied to: ${describe(input)}`);
  };
}

function cutEnd(text: string, part: string): string {
  return part !== "" && text.endsWith(part) ? text.slice(0, -part.length) : text;
}

function codePoint(value: JqValue): string {
  const code = Math.trunc(Number(value));
  const isValid = code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isValid ? String.fromCodePoint(code) : "\ufffd";
}
