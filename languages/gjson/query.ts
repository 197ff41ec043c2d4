/** Finds values by gjson paths (docs/contract/expressions.md#2). */

import { LanguageError } from "../errors/index.ts";
import { unescapeJson } from "../text/json-parse.ts";
import { parseTree } from "../text/json-tree.ts";
import { quoteJson } from "../text/quote.ts";
import { meets } from "./comparison.ts";
import { isModifier, runModifier } from "./modifiers.ts";
import {
  arrayComponent,
  objectComponent,
  parseSubPaths,
  type Query,
  type SubPaths,
  splitAtPipe,
} from "./path.ts";
import { type GjsonResult, missing, numberResult, parseResult, resultOf } from "./result.ts";
import { eachElement, eachLine, eachMember, stringEnd } from "./scan.ts";
import { matchesWildcard } from "./wildcard.ts";

/** Paths applied within paths: modifiers, pipes, queries. */
const depthMax = 500;

/** The value at a path of a JSON text. Throws LanguageError for paths nested too deeply. */
export function query(json: string, path: string, depth = 0): GjsonResult {
  if (depth > depthMax)
    throw new LanguageError("memory", `gjson path is nested deeper than ${depthMax} levels`);
  let rest = path;
  if (path.length > 1 && (path[0] === "@" || path[0] === "!")) {
    const special = specialPath(json, path, depth);
    if (special !== undefined) return special;
  } else if (path.length > 1 && (path[0] === "[" || path[0] === "{")) {
    const paths = parseSubPaths(path);
    if (paths !== undefined && /^(?:$|[|.])/.test(paths.rest)) return multipath(json, path, paths, depth);
    // Of a multipath that is none only what stands behind it is looked for.
    rest = paths?.rest ?? "";
  }
  const search = new Search(depth);
  const found = rest.startsWith("..") ? search.inLines(json, rest.slice(2)) : search.inText(json, rest);
  if (search.pipe === undefined) return found ?? missing;
  return query(found?.raw ?? "", search.pipe, depth + 1);
}

/** A path that begins with a modifier or a literal. */
function specialPath(json: string, path: string, depth: number): GjsonResult | undefined {
  const run =
    path[0] === "@" ? runModifier(json, path, (text, inner) => query(text, inner, depth + 1)) : literal(path);
  if (run === undefined) return undefined;
  if (run.rest.startsWith("|") || run.rest.startsWith("."))
    return query(run.json, run.rest.slice(1), depth + 1);
  return parseResult(run.json);
}

/** `!value` gives the value. */
function literal(path: string): { json: string; rest: string } | undefined {
  if (/^[{["+\-\d]/.test(path.slice(1))) {
    const end = literalEnd(path);
    return { json: path.slice(1, end), rest: path.slice(end) };
  }
  const word = /^[^.|]*/.exec(path.slice(1))?.[0] ?? "";
  const isKnown = ["true", "false", "null", "nan", "inf"].includes(word.toLowerCase());
  return isKnown ? { json: word, rest: path.slice(1 + word.length) } : undefined;
}

/** Behind the bracket that closes the literal; one without brackets takes all that follows. */
function literalEnd(path: string): number {
  let depth = 1;
  for (let i = 2; i < path.length; i++) {
    const char = path.charAt(i);
    if (char === '"') i = stringEnd(path, i) - 1;
    else if ("{[(".includes(char)) depth++;
    else if ("}])".includes(char) && --depth === 0) return i + 1;
  }
  return path.length;
}

/** `[a,b]` and `{"x":a,b}` build JSON of what their paths find. */
function multipath(json: string, path: string, subPaths: SubPaths, depth: number): GjsonResult {
  const isObject = path[0] === "{";
  const parts: string[] = [];
  for (const { name, path: inner } of subPaths.parts) {
    const found = query(json, inner, depth + 1);
    if (!found.exists) continue;
    const raw = found.raw || found.string || "null";
    parts.push(isObject ? `${memberName(name, inner)}:${raw}` : raw);
  }
  const built = isObject ? `{${parts.join(",")}}` : `[${parts.join(",")}]`;
  return subPaths.rest === "" ? resultOf(built) : query(built, subPaths.rest.slice(1), depth + 1);
}

function memberName(name: string, path: string): string {
  if (name !== "") return isJsonString(name) ? name : quoteJson(name);
  const last = /(?:^|[^\\])[|.]((?:[^|.]|\\[|.])*)$/.exec(path)?.[1] ?? path;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a simple name has none
  return quoteJson(/[\u0000-\u001f[\]{}()#|!]/.test(last) ? "_" : last);
}

function isJsonString(text: string): boolean {
  if (!text.startsWith('"')) return false;
  try {
    parseTree(text);
    return true;
  } catch {
    // Not JSON, so the text is a bare name.
    return false;
  }
}

/** One walk along a path; leaves a pipe behind when the path has one. */
class Search {
  pipe: string | undefined;
  readonly #depth: number;

  constructor(depth: number) {
    this.#depth = depth;
  }

  inText(json: string, path: string): GjsonResult | undefined {
    const open = json.search(/[{[]/);
    if (open < 0) return undefined;
    return json[open] === "{" ? this.#inObject(json, open, path) : this.#inArray(json, open, path);
  }

  /** Treats a text of many values as one array. */
  inLines(json: string, path: string): GjsonResult | undefined {
    return this.#inElements((visit) => eachLine(json, visit), path);
  }

  /** The first member that matches; one under which the rest of the path finds nothing is passed over. */
  #inObject(json: string, open: number, path: string): GjsonResult | undefined {
    const component = objectComponent(path, isModifier);
    const { part, isWild, path: below } = component;
    if (component.pipe !== undefined) this.pipe = component.pipe;
    let found: GjsonResult | undefined;
    eachMember(json, open, (quoted, value) => {
      const name = quoted.includes("\\") ? unescapeJson(quoted.slice(1, -1)) : quoted.slice(1, -1);
      if (isWild ? !matchesWildcard(name, part) : name !== part) return false;
      found = below === undefined ? resultOf(value) : this.#below(value, below);
      return found !== undefined;
    });
    return found;
  }

  #below(value: string, path: string): GjsonResult | undefined {
    if (value[0] === "{") return this.#inObject(value, 0, path);
    return value[0] === "[" ? this.#inArray(value, 0, path) : undefined;
  }

  #inArray(json: string, open: number, path: string): GjsonResult | undefined {
    return this.#inElements((visit) => eachElement(json, open, visit), path);
  }

  #inElements(
    each: (visit: (value: string, index: number) => boolean) => boolean,
    path: string,
  ): GjsonResult | undefined {
    const component = arrayComponent(path, isModifier);
    if (component.pipe !== undefined) this.pipe = component.pipe;
    if (component.collect !== undefined) return this.#collect(each, component.collect);
    if (component.query !== undefined) return this.#byQuery(each, component.query, component.path);
    if (component.isCount) {
      if (component.path !== undefined) return undefined;
      let count = 0;
      each(() => {
        count++;
        return false;
      });
      return numberResult(count);
    }
    if (!/^\d{1,15}$/.test(component.part)) return undefined;
    const wanted = Number(component.part);
    let found: GjsonResult | undefined;
    each((value, index) => {
      if (index !== wanted) return false;
      found = component.path === undefined ? resultOf(value) : this.#below(value, component.path);
      return true;
    });
    return found;
  }

  /** `#.path`: what the path finds in each element, as an array. */
  #collect(each: (visit: (value: string) => boolean) => boolean, collect: string): GjsonResult {
    const path = this.#takePipe(collect);
    const parts: string[] = [];
    each((value) => {
      const found = query(value, path, this.#depth + 1);
      if (found.exists) parts.push(found.raw || found.string);
      return false;
    });
    return resultOf(`[${parts.join(",")}]`);
  }

  #byQuery(
    each: (visit: (value: string) => boolean) => boolean,
    wanted: Query,
    below: string | undefined,
  ): GjsonResult | undefined {
    const matched: string[] = [];
    let first: GjsonResult | undefined;
    let path = below;
    each((raw) => {
      const value = resultOf(raw);
      const isScalar = value.type !== "JSON";
      if (isScalar && wanted.path !== "") return false;
      const tested = isScalar ? value : query(raw, wanted.path, this.#depth + 1);
      if (!meets(tested, wanted)) return false;
      if (path !== undefined) path = this.#takePipe(path);
      const found = path === undefined ? value : query(raw, path, this.#depth + 1);
      if (!wanted.isAll) {
        first = found;
        return true;
      }
      const text = found.raw || found.string;
      if (text !== "") matched.push(text);
      return false;
    });
    if (wanted.isAll) return resultOf(`[${matched.join(",")}]`);
    return first;
  }

  /** Keeps what follows a pipe for the result as a whole. */
  #takePipe(path: string): string {
    const parts = splitAtPipe(path);
    if (parts === undefined) return path;
    this.pipe = parts[1];
    return parts[0];
  }
}
