/** Values of number tokens (docs/contract/expressions.md#1.2). */
import { fitsInt64 } from "../text/numbers.ts";
import { quoteGo } from "../text/quote.ts";
import { sourceError } from "./source-error.ts";
import type { Token } from "./tokens.ts";

/** `errorAt` is where messages point: the token behind the number. Throws LanguageError. */
export function parseNumber(token: Token, errorAt: number, source: string): bigint | number {
  const text = token.value.replaceAll("_", "");
  const prefix = /^0[xob]/i.exec(text)?.[0].toLowerCase();
  const name = { "0x": "hex", "0o": "octal", "0b": "binary" }[prefix ?? ""] ?? "integer";
  const isFloat = prefix !== "0x" && /[.e]/i.test(text);
  const fail = (kind: string, call: string, problem: string): Error =>
    sourceError(
      source,
      errorAt,
      `invalid ${kind} literal: strconv.${call}: parsing ${quoteGo(text)}: ${problem}`,
    );

  if (isFloat) {
    const value = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) throw fail("float", "ParseFloat", "invalid syntax");
    if (!Number.isFinite(value)) throw fail("float", "ParseFloat", "value out of range");
    return value;
  }
  const isInteger = prefix === undefined ? /^\d+$/.test(text) : /^0(x[\da-f]+|o[0-7]+|b[01]+)$/i.test(text);
  if (!isInteger) throw fail(name, "ParseInt", "invalid syntax");
  const value = BigInt(prefix === undefined ? text : text.toLowerCase());
  if (!fitsInt64(value)) throw fail(name, "ParseInt", "value out of range");
  return value;
}
