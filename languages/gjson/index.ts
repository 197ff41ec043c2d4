/** gjson paths (docs/contract/expressions.md#2). */
import { guarded } from "../guarded.ts";
import { query } from "./query.ts";
import type { GjsonResult } from "./result.ts";

export { LanguageError } from "../errors/index.ts";
export type { GjsonResult, GjsonType } from "./result.ts";

/** The value at a path of a JSON text. Throws LanguageError (memory) for paths or documents nested too deeply. */
export function queryGjson(json: string, path: string): GjsonResult {
  return guarded(() => query(json, path));
}
