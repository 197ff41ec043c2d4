/** Type names, conversions, JSON and base64. */
import type { Budget } from "../../budget.ts";
import { bytesOf, codePointCount, textOfBytes } from "../../text/byte-text.ts";
import { fitsInt64 } from "../../text/numbers.ts";
import { Duration } from "../../time/duration.ts";
import { lengthOf } from "../access.ts";
import { decodeJson } from "../decode.ts";
import { displayText } from "../display.ts";
import { encodeJson } from "../encode.ts";
import { numberOf, toInteger } from "../operators.ts";
import { anyType, floatType, formattedType, intType, stringType, type Type } from "../types.ts";
import { kindName, NamedInt, runError, typeName, type Value } from "../values.ts";
import { argument, type Builtins, oneArgument, overloads } from "./builtin.ts";
import { textArgument } from "./strings.ts";

export const conversionBuiltins: Builtins = [
  [
    "len",
    {
      rule: oneArgument(
        (type) => ["string", "slice", "array", "map"].includes(type.kind),
        (type) => `invalid argument for len (type ${formattedType(type)})`,
        () => intType,
      ),
      call: (args) => BigInt(len(argument(args, 0))),
    },
  ],
  ["type", { rule: overloads(stringType, [anyType]), call: (args) => typeText(argument(args, 0)) }],
  [
    "string",
    {
      rule: overloads(stringType, [anyType]),
      call: (args, budget) => displayText(argument(args, 0), budget),
    },
  ],
  [
    "int",
    {
      rule: oneArgument(
        isConvertible,
        (type) => `invalid argument for int (type ${formattedType(type)})`,
        () => intType,
      ),
      call: (args) => toInt(argument(args, 0)),
    },
  ],
  [
    "float",
    {
      rule: oneArgument(
        isConvertible,
        (type) => `invalid argument for float (type ${formattedType(type)})`,
        () => floatType,
      ),
      call: (args) => toFloat(argument(args, 0)),
    },
  ],
  [
    "toJSON",
    {
      rule: overloads(stringType, [anyType]),
      call: (args, budget) => encodeJson(argument(args, 0), budget, "  "),
    },
  ],
  [
    "fromJSON",
    {
      rule: overloads(anyType, [stringType]),
      call: (args, budget) => decodeJson(textArgument(args, 0), budget),
    },
  ],
  [
    "toBase64",
    {
      rule: overloads(stringType, [stringType]),
      call: (args, budget) => {
        const text = textArgument(args, 0);
        budget.chargeText(text.length * 3);
        return bytesOf(text).toString("base64");
      },
    },
  ],
  [
    "fromBase64",
    {
      rule: overloads(stringType, [stringType]),
      call: (args, budget) => fromBase64(textArgument(args, 0), budget),
    },
  ],
];

function isConvertible(type: Type): boolean {
  return ["int", "int64", "uint8", "float64", "string"].includes(type.kind);
}

/** Text counts by code point. */
function len(value: Value): number {
  return typeof value === "string" ? codePointCount(value) : lengthOf(value);
}

const typeTexts: Readonly<Record<string, string>> = {
  invalid: "nil",
  float64: "float",
  slice: "array",
  int64: "int",
  uint8: "uint",
};

/** The language's name of a type: its kind, or a qualified name. */
function typeText(value: Value): string {
  const name = typeName(value)
    .replace(/^\*/, "")
    .replace(/^http\./, "net/http.");
  if (/^(?:time|net\/http)\.\w+$/.test(name)) return name;
  const kind = kindName(value);
  return typeTexts[kind] ?? kind;
}

function toInt(value: Value): bigint {
  if (value instanceof Duration) return value.nanoseconds;
  if (value instanceof NamedInt) return value.value;
  if (value === null) throw runError("reflect: call of reflect.Value.Type on zero Value");
  if (typeof value !== "string") return toInteger(value);
  const number = /^[+-]?\d+$/.test(value) ? BigInt(value.replace(/^\+/, "")) : undefined;
  if (number === undefined || !fitsInt64(number)) throw runError(`invalid operation: int(${value})`);
  return number;
}

function toFloat(value: Value): number {
  const number = typeof value === "string" ? parseFloatText(value) : numberOf(value);
  if (number === undefined) {
    throw runError(`invalid operation: float(${typeof value === "string" ? value : typeName(value)})`);
  }
  return Number(number);
}

/** Go's strconv.ParseFloat: decimal, hexadecimal, infinities and NaN, underscores between digits; undefined when it is none or out of range. */
function parseFloatText(written: string): number | undefined {
  const digit = /0x/i.test(written) ? "[\\da-fx]" : "\\d";
  if (new RegExp(`(?<!${digit})_|_(?!${digit})`, "i").test(written)) return undefined;
  const text = written.replaceAll("_", "");
  const special = /^([+-]?)(?:inf|infinity)$|^[+-]?nan$/i.exec(text);
  if (special !== null) {
    if (special[1] === undefined) return Number.NaN;
    return special[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const hex = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)p([+-]?\d+)$/i.exec(text);
  if (hex !== null) {
    const [, sign, whole = "", fraction = "", exponent = "0"] = hex;
    if (whole + fraction === "") return undefined;
    const size = Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
    return Number.isFinite(size) ? (sign === "-" ? -size : size) : undefined;
  }
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/** Standard alphabet with padding; line breaks are ignored. Throws with the offset of the first wrong byte. */
function fromBase64(text: string, budget: Budget): string {
  budget.chargeText(text.length * 3);
  const bare = text.replace(/[\r\n]+/g, "");
  if (bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare) && bare.isWellFormed())
    return textOfBytes(Buffer.from(bare, "base64"));
  // Only an error needs to know where each character came from.
  budget.chargeParts(text.length * 2);
  const bad = (at: number): Error => runError(`illegal base64 data at input byte ${at}`);
  const chars: string[] = [];
  const places: number[] = [];
  for (const [i, char] of [...bytesOf(text).toString("latin1")].entries()) {
    if (char === "\r" || char === "\n") continue;
    chars.push(char);
    places.push(i);
  }
  const end = byteCount(text);
  for (let i = 0; i < chars.length; i++) {
    if (/[A-Za-z0-9+/]/.test(chars[i] ?? "")) continue;
    const inGroup = i % 4;
    const isPadding = chars[i] === "=" && inGroup >= 2;
    if (!isPadding) throw bad(places[i] ?? end);
    if (inGroup === 2 && chars[i + 1] === undefined) throw bad(end);
    if (inGroup === 2 && chars[i + 1] !== "=") throw bad(places[i + 1] ?? end);
    const after = i + (inGroup === 2 ? 2 : 1);
    if (after < chars.length) throw bad(places[after] ?? end);
    break;
  }
  if (chars.length % 4 !== 0) throw bad(end - (chars.length % 4));
  return textOfBytes(Buffer.from(chars.join(""), "base64"));
}

function byteCount(text: string): number {
  return bytesOf(text).length;
}
