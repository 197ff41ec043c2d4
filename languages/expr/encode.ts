/** Values to JSON text as Go's encoder writes it (docs/contract/expressions.md#1.14 and #6.2). */
import type { Budget } from "../budget.ts";
import { compareText } from "../text/byte-text.ts";
import { displayFloat, jsonFloat } from "../text/numbers.ts";
import { quoteJson } from "../text/quote.ts";
import { Duration } from "../time/duration.ts";
import { formatMoment, rfc3339Nano } from "../time/format-moment.ts";
import { Moment } from "../time/moment.ts";
import { AnyMap, Func, Header, List, Location, NamedInt, runError, type Value } from "./values.ts";

/** Compact JSON, or with `indent` a space-indented one. Throws LanguageError for what JSON cannot hold. */
export function encodeJson(value: Value, budget: Budget, indent = ""): string {
  return encode(value, budget, indent, indent === "" ? "" : "\n");
}

/** `newline` is the line break with the indentation of the enclosing value; empty for the compact form. */
function encode(value: Value, budget: Budget, indent: string, newline: string): string {
  budget.step();
  if (value === null) return "null";
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw runError(`json: unsupported value: ${displayFloat(value)}`);
    return jsonFloat(value);
  }
  if (typeof value === "string") return charged(quoteJson(value), budget);
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString("base64")}"`;
  if (value instanceof List && value.isNil) return "null";
  const inner = newline === "" ? "" : newline + indent;
  if (value instanceof Map || value instanceof Header) {
    const entries = [...(value instanceof Map ? value : value.entries)].sort(([a], [b]) => compareText(a, b));
    const colon = newline === "" ? ":" : ": ";
    const parts = entries.map(([key, item]) => quoteJson(key) + colon + encode(item, budget, indent, inner));
    return charged(wrap("{", parts, "}", newline, inner), budget);
  }
  if (value instanceof AnyMap) throw runError(`json: unsupported type: ${value.typeName}`);
  if (value instanceof Moment) {
    const { year } = value.date;
    if (year < 0 || year > 9999)
      throw runError(
        "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of range [0,9999]",
      );
    return quoteJson(formatMoment(value, rfc3339Nano));
  }
  if (value instanceof Duration) return String(value.nanoseconds);
  if (value instanceof NamedInt) return String(value.value);
  if (value instanceof Location) return "{}";
  if (value instanceof Func) throw runError(`json: unsupported type: ${value.typeName}`);
  const parts = value.items.map((item) => encode(item, budget, indent, inner));
  return charged(wrap("[", parts, "]", newline, inner), budget);
}

function charged(text: string, budget: Budget): string {
  budget.chargeText(text.length);
  return text;
}

function wrap(open: string, parts: readonly string[], close: string, newline: string, inner: string): string {
  if (parts.length === 0) return open + close;
  return open + inner + parts.join(`,${inner}`) + newline + close;
}
