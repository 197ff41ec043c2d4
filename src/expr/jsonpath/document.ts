/** Documents as kubectl holds them: integers and floats apart. */
import { numberValue } from "../expr/index.ts";
import { compareText } from "../text/byte-text.ts";
import { JsonNumber, type JsonTree } from "../text/json-tree.ts";
import { displayFloat, jsonFloat } from "../text/numbers.ts";
import { quoteJson } from "../text/quote.ts";

export type Json = null | boolean | bigint | number | string | readonly Json[] | ReadonlyMap<string, Json>;

export function documentOf(tree: JsonTree): Json {
  if (tree === null || typeof tree === "boolean" || typeof tree === "string") return tree;
  if (tree instanceof JsonNumber) return numberValue(tree.text);
  if (tree instanceof Map) {
    const members = tree as ReadonlyMap<string, JsonTree>;
    return new Map(Array.from(members, ([name, value]) => [name, documentOf(value)] as const));
  }
  return (tree as readonly JsonTree[]).map(documentOf);
}

export function isObject(value: Json): value is ReadonlyMap<string, Json> {
  return value instanceof Map;
}

export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Members in the order of their names, or elements; empty for scalars. */
export function childrenOf(value: Json): readonly Json[] {
  if (isArray(value)) return value;
  if (!isObject(value)) return [];
  return [...value].sort(([a], [b]) => compareText(a, b)).map(([, child]) => child);
}

/** Go's name of the type, as in messages. */
export function goType(value: Json): string {
  if (value === null) return "<nil>";
  if (typeof value === "bigint") return "int64";
  if (typeof value === "number") return "float64";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  return isArray(value) ? "[]interface {}" : "map[string]interface {}";
}

/** As an action prints it: scalars as text, objects and arrays as JSON. */
export function printed(value: Json): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return displayFloat(value);
  return encode(value);
}

function encode(value: Json): string {
  if (value === null || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return jsonFloat(value);
  if (typeof value === "string") return quoteJson(value);
  if (isArray(value)) return `[${value.map(encode).join(",")}]`;
  if (!isObject(value)) return "null";
  const members = [...value].sort(([a], [b]) => compareText(a, b));
  return `{${members.map(([name, child]) => `${quoteJson(name)}:${encode(child)}`).join(",")}}`;
}
