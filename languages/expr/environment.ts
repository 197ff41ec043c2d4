/** Environments of expressions from JSON documents (docs/contract/expressions.md#7). */
import { LanguageError } from "../errors/index.ts";
import { JsonNumber, type JsonTree } from "../text/json-tree.ts";
import { numberValue } from "../text/numbers.ts";
import { Header, List, type Value } from "./values.ts";

/** Static types that JSON cannot say, by path: `{"data": "[]string", "response.headers": "http.Header"}`. */
export type TypedPaths = ReadonlyMap<string, string>;

/** The top-level values of an environment. Throws LanguageError when it is no object or does not have the stated types. */
export function environmentOf(tree: JsonTree, typed: TypedPaths = new Map()): ReadonlyMap<string, Value> {
  if (!(tree instanceof Map)) throw new LanguageError("syntax", "the environment must be a JSON object");
  return new Map(
    Array.from(
      tree as ReadonlyMap<string, JsonTree>,
      ([name, value]) => [name, convert(value, name, typed)] as const,
    ),
  );
}

function convert(tree: JsonTree, path: string, typed: TypedPaths): Value {
  const type = typed.size === 0 ? undefined : typed.get(path);
  if (type !== undefined) return convertTo(tree, path, type);
  if (tree === null || typeof tree === "boolean" || typeof tree === "string") return tree;
  if (tree instanceof JsonNumber) return numberValue(tree.text);
  if (tree instanceof Map) {
    const members = tree as ReadonlyMap<string, JsonTree>;
    return new Map(
      Array.from(members, ([name, value]) => [name, convert(value, `${path}.${name}`, typed)] as const),
    );
  }
  return new List((tree as readonly JsonTree[]).map((item) => convert(item, "", noTypes)));
}

const noTypes: TypedPaths = new Map();

function convertTo(tree: JsonTree, path: string, type: string): Value {
  if (type === "[]string") return strings(tree, path);
  if (type === "[]uint8" || type === "[]byte") {
    if (tree === null) return new List([], "bytes", true);
    if (typeof tree === "string") return Buffer.from(tree, "base64");
  }
  if (type === "http.Header") {
    if (tree === null) return new Header(new Map());
    if (tree instanceof Map) {
      const members = tree as ReadonlyMap<string, JsonTree>;
      return new Header(
        new Map(Array.from(members, ([name, value]) => [name, strings(value, path)] as const)),
      );
    }
  }
  if (!["[]string", "[]uint8", "[]byte", "http.Header"].includes(type)) return convert(tree, path, noTypes);
  throw new LanguageError("syntax", `environment value "${path}" must have the form of ${type}`);
}

function strings(tree: JsonTree, path: string): List {
  if (tree === null) return new List([], "string", true);
  const items = Array.isArray(tree) ? (tree as readonly JsonTree[]) : undefined;
  if (items === undefined || items.some((item) => typeof item !== "string")) {
    throw new LanguageError("syntax", `environment value "${path}" must be a list of strings`);
  }
  return new List(items.map(String), "string");
}
