/** JSON documents with their numbers as written and their members in order. */

import { type JsonBuilder, parseJson } from "./json-parse.ts";
import { quoteJsonPlain } from "./quote.ts";

/** A number by its source text. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonTree =
  | null
  | boolean
  | string
  | JsonNumber
  | readonly JsonTree[]
  | ReadonlyMap<string, JsonTree>;

const treeBuilder: JsonBuilder<JsonTree> = {
  literal: (value) => value,
  string: (value) => value,
  number: (text) => new JsonNumber(text),
  array: (items) => items,
  object: (members) => members,
};

/** Throws LanguageError with Go's message. */
export function parseTree(text: string): JsonTree {
  return parseJson(text, treeBuilder);
}

/** Compact JSON text with the members in their order. */
export function treeText(tree: JsonTree): string {
  if (tree === null || typeof tree === "boolean") return String(tree);
  if (typeof tree === "string") return quoteJsonPlain(tree);
  if (tree instanceof JsonNumber) return tree.text;
  if (tree instanceof Map) {
    return `{${Array.from(tree, ([name, value]) => `${quoteJsonPlain(name)}:${treeText(value)}`).join(",")}}`;
  }
  return `[${(tree as readonly JsonTree[]).map(treeText).join(",")}]`;
}

/** What an object member is; undefined when there is none or the tree is no object. */
export function memberOf(tree: JsonTree, name: string): JsonTree | undefined {
  return tree instanceof Map ? tree.get(name) : undefined;
}
