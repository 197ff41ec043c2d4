/** A value found in a JSON text, by its source text (docs/contract/expressions.md#2.2). */

import { unescapeJson } from "../text/json-parse.ts";
import { plainFloat } from "../text/numbers.ts";
import { valueEnd } from "./scan.ts";

export type GjsonType = "Null" | "False" | "Number" | "String" | "True" | "JSON";

export interface GjsonResult {
  readonly type: GjsonType;
  /** False only for what is not there; a null exists. */
  readonly exists: boolean;
  /** The value as text: strings unescaped, objects and arrays as they stand in the document. */
  readonly string: string;
  /** The source text; empty for a computed value. */
  readonly raw: string;
}

export const missing: GjsonResult = { type: "Null", exists: false, string: "", raw: "" };

/** The value that a text begins with, white space aside. */
export function parseResult(json: string): GjsonResult {
  const start = json.search(/[^\s]/);
  if (start < 0) return missing;
  const first = json[start];
  if (first === "{" || first === "[") {
    const raw = json.slice(start);
    return { type: "JSON", exists: true, string: raw, raw };
  }
  return scalarResult(json.slice(start, valueEnd(json, start)));
}

/** The value of a source text that holds exactly one. */
export function resultOf(raw: string): GjsonResult {
  const first = raw[0];
  return first === "{" || first === "["
    ? { type: "JSON", exists: true, string: raw, raw }
    : scalarResult(raw);
}

/** A number that was computed. */
export function numberResult(value: number): GjsonResult {
  return { type: "Number", exists: true, string: plainFloat(value), raw: "" };
}

function scalarResult(raw: string): GjsonResult {
  switch (raw[0]) {
    case '"':
      return {
        type: "String",
        exists: true,
        string: unescapeJson(raw.slice(1, raw.endsWith('"') ? -1 : undefined)),
        raw,
      };
    case "t":
      return { type: "True", exists: true, string: "true", raw };
    case "f":
      return { type: "False", exists: true, string: "false", raw };
    case "n":
      return raw.startsWith("nan") ? number(raw) : { type: "Null", exists: true, string: "", raw };
    case undefined:
      return missing;
    default:
      return /^[-+\d.iIN]/.test(raw) ? number(raw) : missing;
  }
}

function number(raw: string): GjsonResult {
  const isPlain = /^-?\d*$/.test(raw);
  return { type: "Number", exists: true, string: isPlain ? raw : plainFloat(numberOf(raw)), raw };
}

/** What a number's source text means; 0 for what is none. */
export function numberOf(raw: string): number {
  if (/^[+-]?inf/i.test(raw))
    return raw.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan/i.test(raw)) return Number.NaN;
  const value = Number(raw);
  return Number.isNaN(value) ? 0 : value;
}
