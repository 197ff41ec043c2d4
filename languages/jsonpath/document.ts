/** Documents as kubectl holds them: integers and floats apart. */

import { bytesOf, compareText } from "../text/byte-text.ts";
import { JsonNumber, type JsonTree } from "../text/json-tree.ts";
import { displayFloat, jsonFloat, numberValue } from "../text/numbers.ts";
import { quoteJson } from "../text/quote.ts";

export type Json = null | boolean | bigint | number | string | readonly Json[] | ReadonlyMap<string, Json>;

/** One byte of a text, as `.*` makes them of it. */
export class TextByte {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** What a range without results runs on. */
export const nothing = Symbol("nothing");

/** What parts of an action are applied to. */
export type Content = Json | TextByte | typeof nothing;

export function documentOf(tree: JsonTree): Json {
  if (tree === null || typeof tree === "boolean" || typeof tree === "string") return tree;
  if (tree instanceof JsonNumber) return numberValue(tree.text);
  if (tree instanceof Map) {
    const members = tree as ReadonlyMap<string, JsonTree>;
    return new Map(Array.from(members, ([name, value]) => [name, documentOf(value)] as const));
  }
  return (tree as readonly JsonTree[]).map(documentOf);
}

export function isObject(value: Content): value is ReadonlyMap<string, Json> {
  return value instanceof Map;
}

export function isArray(value: Content): value is readonly Json[] {
  return Array.isArray(value);
}

/** Members in the order of their names, elements or the bytes of a text; empty for other scalars. */
export function childrenOf(value: Content): readonly Content[] {
  if (isArray(value)) return value;
  if (typeof value === "string") return Array.from(bytesOf(value), (byte) => new TextByte(byte));
  if (!isObject(value)) return [];
  return [...value].sort(([a], [b]) => compareText(a, b)).map(([, child]) => child);
}

/** Go's name of the type, as in messages. */
export function goType(value: Content): string {
  if (value instanceof TextByte) return "uint8";
  if (value === null) return "<nil>";
  if (typeof value === "bigint") return "int64";
  if (typeof value === "number") return "float64";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  return isArray(value) ? "[]interface {}" : "map[string]interface {}";
}

/** As an action prints it: scalars as text, objects and arrays as JSON. */
export function printed(value: Content): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return displayFloat(value);
  if (value instanceof TextByte) return String(value.value);
  return value === nothing ? "" : encode(value);
}

/** As messages show it, in Go's notation: `map[a:[1 2]]`. */
export function displayed(value: Content): string {
  if (value === null) return "<nil>";
  if (value === nothing) return "<invalid reflect.Value>";
  if (isArray(value)) return `[${value.map(displayed).join(" ")}]`;
  if (!isObject(value)) return printed(value);
  const members = [...value].sort(([a], [b]) => compareText(a, b));
  return `map[${members.map(([name, child]) => `${name}:${displayed(child)}`).join(" ")}]`;
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
