/** gjson paths (contract expressions.md section 2). */
import { quoteJson } from "../text/quote.ts";
import type { GjsonResult } from "./result.ts";

export { query } from "./query.ts";
export type { GjsonResult, GjsonType } from "./result.ts";

/** A result as the case files have it. */
export function queryJson(result: GjsonResult): string {
  return `{"exists":${result.exists},"string":${quoteJson(result.string)},"type":"${result.type}"}`;
}
