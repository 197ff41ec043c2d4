/** Cuts gjson paths into their parts (docs/contract/expressions.md#2.3). */
import { unescapeJson } from "../text/json-parse.ts";
import { stringEnd, valueEnd } from "./scan.ts";

/** The first component of a path and what follows it. */
export interface Component {
  /** The name or pattern. */
  readonly part: string;
  readonly isWild: boolean;
  /** The path below; undefined when the component is the last one. */
  readonly path: string | undefined;
  /** What is applied to the result of the path so far. */
  readonly pipe: string | undefined;
}

export interface Query {
  readonly path: string;
  /** Empty: the path only has to exist. */
  readonly operator: string;
  readonly value: string;
  readonly isAll: boolean;
}

/** A component as arrays read it: an index, `#`, `#.path` or a query. */
export interface ArrayComponent extends Component {
  readonly isCount: boolean;
  /** `#.path`: what is collected from every element. */
  readonly collect: string | undefined;
  readonly query: Query | undefined;
}

/** `isModifier` tells whether `@name` is one. */
export function objectComponent(path: string, isModifier: (name: string) => boolean): Component {
  let part = "";
  let isWild = false;
  let isEscaped = false;
  for (let i = 0; i < path.length; i++) {
    const char = path.charAt(i);
    if (char === "\\") {
      // A pattern keeps the backslash, a name loses it: which one it is shows only at the end.
      isEscaped = true;
      part += char + path.charAt(++i);
      continue;
    }
    if (char === "|" || char === ".") {
      const rest = path.slice(i + 1);
      return { part: finish(part, isWild, isEscaped), isWild, ...split(char, rest, isModifier) };
    }
    if (char === "*" || char === "?") isWild = true;
    part += char;
  }
  return { part: finish(part, isWild, isEscaped), isWild, path: undefined, pipe: undefined };
}

function finish(part: string, isWild: boolean, isEscaped: boolean): string {
  return isEscaped && !isWild ? part.replace(/\\(.?)/gs, "$1") : part;
}

function split(
  separator: string,
  rest: string,
  isModifier: (name: string) => boolean,
): Pick<Component, "path" | "pipe"> {
  if (separator === "|" || startsPipe(rest, isModifier)) return { path: undefined, pipe: rest };
  return { path: rest, pipe: undefined };
}

/** After a dot, what begins a modifier or a multipath is applied to the result, as after a pipe. */
function startsPipe(rest: string, isModifier: (name: string) => boolean): boolean {
  if (rest.startsWith("@")) return isModifier(/^@([^.|:]*)/.exec(rest)?.[1] ?? "");
  return rest.startsWith("[") || rest.startsWith("{");
}

export function arrayComponent(path: string, isModifier: (name: string) => boolean): ArrayComponent {
  const plain = { isWild: false, isCount: false, collect: undefined, query: undefined };
  if (path.startsWith("#.")) {
    return { ...plain, part: "#", path: undefined, pipe: undefined, isCount: true, collect: path.slice(2) };
  }
  const isQuery = path.startsWith("#(") || path.startsWith("#[");
  const parsed = isQuery ? parseQuery(path) : undefined;
  let i = parsed?.end ?? 0;
  while (i < path.length && path[i] !== "." && path[i] !== "|") i++;
  const part = path.slice(0, i);
  const isHash = part.includes("#");
  const base = { ...plain, part, isCount: part === "#", query: parsed?.query };
  if (i >= path.length) return { ...base, path: undefined, pipe: undefined };
  const rest = path.slice(i + 1);
  if (isHash && path[i] === ".") return { ...base, path: rest, pipe: undefined };
  return { ...base, ...split(path.charAt(i), rest, isModifier) };
}

/** The query that a path begins with, and where it ends; undefined when it never does. */
function parseQuery(path: string): { query: Query; end: number } | undefined {
  let depth = 1;
  let operatorAt = 0;
  let i = 2;
  let hasEscape = false;
  for (; i < path.length; i++) {
    const char = path.charAt(i);
    if (depth === 1 && operatorAt === 0 && "!=<>%".includes(char)) {
      operatorAt = i;
      continue;
    }
    if (char === "\\") i++;
    else if (char === "[" || char === "(") depth++;
    else if (char === "]" || char === ")") {
      if (--depth === 0) break;
    } else if (char === '"') {
      const end = stringEnd(path, i);
      hasEscape ||= path.slice(i, end).includes("\\");
      i = end - 1;
    }
  }
  if (depth > 0) return undefined;
  const isAll = path[i + 1] === "#";
  const end = i + (isAll ? 2 : 1);
  if (operatorAt === 0)
    return { query: { path: path.slice(2, i).trim(), operator: "", value: "", isAll }, end };
  const comparison = path.slice(operatorAt, i).trim();
  const written = /^(?:!=|!%|<=|>=|==|[!=<>%])/.exec(comparison)?.[0] ?? "";
  let value = comparison.slice(written.length).trim();
  if (value.length >= 2 && value.startsWith('"') && value.endsWith('"')) {
    value = value.slice(1, -1);
    if (hasEscape) value = unescapeJson(value);
  }
  const operator = written === "==" ? "=" : written;
  return { query: { path: path.slice(2, operatorAt).trim(), operator, value, isAll }, end };
}

/** Cuts a path at its first pipe outside of queries; undefined when it has none. */
export function splitAtPipe(path: string): readonly [string, string] | undefined {
  if (!path.includes("|")) return undefined;
  if (path.startsWith("{")) {
    const end = valueEnd(path, 0);
    return path[end] === "|" ? [path.slice(0, end), path.slice(end + 1)] : undefined;
  }
  for (let i = 0; i < path.length; i++) {
    const char = path[i];
    if (char === "\\") i++;
    else if (char === "#" && (i === 0 || path[i - 1] === ".") && /[[(]/.test(path[i + 1] ?? "")) {
      i = valueEnd(path, i + 1) - 1;
    } else if (char === "|") return [path.slice(0, i), path.slice(i + 1)];
  }
  return undefined;
}

/** One of the paths of a multipath. */
export interface SubPath {
  /** As written before the colon, or empty. */
  readonly name: string;
  readonly path: string;
}

export interface SubPaths {
  readonly parts: readonly SubPath[];
  /** What stands behind the closing bracket. */
  readonly rest: string;
}

/** The paths of `[a,b]` or `{"x":a,b}` and the text behind it; undefined when the bracket never closes. */
export function parseSubPaths(path: string): SubPaths | undefined {
  const parts: SubPath[] = [];
  let depth = 1;
  let start = 1;
  let colon = 0;
  let hasModifier = false;
  for (let i = 1; i < path.length; i++) {
    const char = path.charAt(i);
    const isClose = char === "]" || char === ")" || char === "}";
    if (char === "\\") i++;
    else if (char === '"') i = stringEnd(path, i) - 1;
    else if (char === "@") hasModifier ||= path[i - 1] === "." || path[i - 1] === "|";
    else if (char === ":" && !hasModifier && colon === 0 && depth === 1) colon = i;
    else if (char === "[" || char === "(" || char === "{") depth++;
    else if (isClose) depth--;
    if (!(isClose && depth === 0) && !(char === "," && depth === 1)) continue;
    const name = colon === 0 ? "" : path.slice(start, colon);
    parts.push({ name, path: path.slice(colon === 0 ? start : colon + 1, i) });
    if (isClose) return { parts, rest: path.slice(i + 1) };
    colon = 0;
    hasModifier = false;
    start = i + 1;
  }
  return undefined;
}
