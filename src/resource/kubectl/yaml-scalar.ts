import { ExecutorError } from "../../errors/index.ts";
import type { Json } from "./json.ts";

/** Plain scalars that stand for something else than text: YAML 1.1 as sigs.k8s.io/yaml reads it (docs/contract/roles.md#2.4). */
const words: ReadonlyMap<string, Json> = new Map<string, Json>([
  ...casesOf(["y", "yes", "true", "on"]).map((word) => [word, true] as const),
  ...casesOf(["n", "no", "false", "off"]).map((word) => [word, false] as const),
  ...["", "~", ...casesOf(["null"])].map((word) => [word, null] as const),
  ...[".nan", ".NaN", ".NAN"].map((word) => [word, Number.NaN] as const),
  ...[".inf", ".Inf", ".INF"].flatMap((word) => [
    [word, Number.POSITIVE_INFINITY] as const,
    [`+${word}`, Number.POSITIVE_INFINITY] as const,
    [`-${word}`, Number.NEGATIVE_INFINITY] as const,
  ]),
]);

const uint64Max = 2n ** 64n - 1n;
const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

/** What a scalar without quotes is. Numbers of base 60 and times are text. */
export function plainScalar(text: string): Json {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (text.startsWith(".")) return /^\.\d+([eE][-+]?\d+)?$/.test(text) ? finite(text) : text;
  if (!/^[-+\d]/.test(text)) return text;
  const plain = text.replaceAll("_", "");
  const integer = integerOf(plain);
  if (integer !== undefined && integer >= int64Min && integer <= uint64Max) return narrowed(integer);
  return /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(plain) ? finite(plain, text) : text;
}

/** A scalar with one of YAML's own tags. */
export function taggedScalar(tag: string, text: string): Json {
  const kind = tag.replace(/^(tag:yaml\.org,2002:|!!)/, "");
  if (kind === "str" || kind === tag) return text;
  if (kind === "binary") return Buffer.from(text, "base64").toString("utf8");
  const value = plainScalar(text);
  if (kind === kindOf(value) || (kind === "float" && kindOf(value) === "int")) return value;
  throw new ExecutorError("BadRequest", `yaml: cannot decode !!${kindOf(value)} \`${text}\` as a !!${kind}`);
}

/**
 * A scalar as the name of a member: what is no text becomes text after it was read. `source` is how it is written,
 * which tells 1e6 from 1000000.
 */
export function memberName(value: Json, source: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  const isInteger = integerOf(source.replaceAll("_", "")) !== undefined;
  if (typeof value === "number" && !isInteger) return shortestSingle(value);
  if (typeof value === "number" || (typeof value === "bigint" && value <= int64Max)) return String(value);
  throw new ExecutorError(
    "BadRequest",
    "yaml: a mapping has a key that is null, a list, a mapping or out of range",
  );
}

/** Go prints such keys with the precision of a 32-bit float, in its format %g. */
function shortestSingle(value: number): string {
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return Number.isNaN(single) ? ".nan" : single > 0 ? ".inf" : "-.inf";
  for (let digits = 1; digits <= 9; digits++) {
    const text = single.toExponential(digits - 1);
    if (Math.fround(Number(text)) !== single) continue;
    const [mantissa = "", exponent = "0"] = text.split("e");
    const power = Number(exponent);
    if (power >= -4 && power < 6) return String(Number(text));
    return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return String(single);
}

function casesOf(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const title = name.charAt(0).toUpperCase() + name.slice(1);
    return [...new Set([name, title, name.toUpperCase()])];
  });
}

/** As strconv.ParseInt with base 0: the prefix says which. */
function integerOf(text: string): bigint | undefined {
  const [, sign = "", digits = ""] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  const octal = /^0o?([0-7]+)$/i.exec(digits)?.[1];
  const isKnown = /^(0x[\da-f]+|0b[01]+|[1-9]\d*|0)$/i.test(digits);
  if (octal === undefined && !isKnown) return undefined;
  const value = BigInt(octal === undefined ? digits : `0o${octal}`);
  return sign === "-" ? -value : value;
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Out of range it is text. */
function finite(text: string, source = text): number | string {
  const value = Number(text);
  return Number.isFinite(value) ? value : source;
}

function kindOf(value: Json): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "str";
  return typeof value === "bigint" || Number.isInteger(value) ? "int" : "float";
}
