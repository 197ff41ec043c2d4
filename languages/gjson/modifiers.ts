/** The `@name` modifiers of gjson paths (docs/contract/expressions.md#2.3). */
import { parseTree } from "../text/json-tree.ts";
import { quoteJson } from "../text/quote.ts";
import { prettyJson, uglyJson } from "./pretty.ts";
import { type GjsonResult, parseResult } from "./result.ts";
import { eachElement, eachMember, skipSpace, valueEnd } from "./scan.ts";

type Lookup = (json: string, path: string) => GjsonResult;
type Modifier = (json: string, argument: string, lookup: Lookup) => string;

/** Containers that `dig` looks into. */
const digDepthMax = 500;

const modifiers: Readonly<Record<string, Modifier>> = {
  this: (json) => json,
  pretty: (json, argument, lookup) => prettyJson(json, (name) => lookup(argument, name)),
  ugly: (json) => uglyJson(json),
  valid: (json) => (isValid(json) ? json : ""),
  reverse: (json) => {
    const { open, parts } = partsOf(json);
    return open === "" ? json : wrap(open, parts.toReversed());
  },
  flatten: (json, argument, lookup) => {
    const { open, parts } = partsOf(json);
    return open === "[" ? wrap("[", flatten(parts, lookup(argument, "deep").type === "True")) : json;
  },
  join,
  keys: (json) => listed(json, (member, isObject) => (isObject ? member.name : "null")),
  values: (json) => (partsOf(json).open === "[" ? json : listed(json, (member) => member.value)),
  tostr: (json) => quoteJson(json),
  fromstr: (json) => (isValid(json) ? parseResult(json).string : ""),
  group,
  dig: (json, argument, lookup) => {
    const found: string[] = [];
    dig(json, argument, lookup, found, 0);
    return wrap("[", found);
  },
};

export function isModifier(name: string): boolean {
  return Object.hasOwn(modifiers, name);
}

/** Applies the modifier that a path begins with; undefined when there is none of that name. */
export function runModifier(
  json: string,
  path: string,
  lookup: Lookup,
): { json: string; rest: string } | undefined {
  const name = /^@([^.|:]*)/.exec(path)?.[1] ?? "";
  if (!isModifier(name)) return undefined;
  let rest = path.slice(1 + name.length);
  let argument = "";
  if (rest.startsWith(":")) {
    rest = rest.slice(1);
    const end = /^[{["]/.test(rest) ? valueEnd(rest, 0) : simpleArgumentEnd(rest);
    argument = rest.slice(0, end);
    rest = rest.slice(end);
  }
  return { json: modifiers[name]?.(json, argument, lookup) ?? "", rest };
}

/** A bare argument ends at a pipe outside of brackets and quotes. */
function simpleArgumentEnd(text: string): number {
  let i = 0;
  while (i < text.length && text[i] !== "|") i = '{["('.includes(text.charAt(i)) ? valueEnd(text, i) : i + 1;
  return i;
}

interface Member {
  /** The quoted name; empty in arrays. */
  readonly name: string;
  readonly value: string;
}

function membersOf(json: string): { open: string; members: Member[] } {
  const start = skipSpace(json, 0);
  const members: Member[] = [];
  const open = json.charAt(start);
  if (open === "{") {
    eachMember(json, start, (name, value) => {
      members.push({ name, value });
      return false;
    });
  } else if (open === "[") {
    eachElement(json, start, (value) => {
      members.push({ name: "", value });
      return false;
    });
  } else return { open: "", members };
  return { open, members };
}

/** The source texts of members (`"a":1`) or elements. */
function partsOf(json: string): { open: string; parts: string[] } {
  const { open, members } = membersOf(json);
  return { open, parts: members.map(({ name, value }) => (open === "{" ? `${name}:${value}` : value)) };
}

function wrap(open: string, parts: readonly string[]): string {
  return open === "{" ? `{${parts.join(",")}}` : `[${parts.join(",")}]`;
}

/** An array with something of every member; a scalar counts as a single one. */
function listed(json: string, text: (member: Member, isObject: boolean) => string): string {
  const result = parseResult(json);
  if (!result.exists) return "[]";
  const { open, members } = membersOf(json);
  const all = open === "" ? [{ name: "", value: result.raw }] : members;
  return wrap(
    "[",
    all.map((member) => text(member, open === "{")),
  );
}

function flatten(parts: readonly string[], isDeep: boolean): string[] {
  return parts.flatMap((part) => {
    const inner = partsOf(part);
    if (inner.open !== "[") return [part];
    return isDeep ? flatten(inner.parts, true) : inner.parts;
  });
}

/** One object of many; a later member replaces an earlier one unless asked to preserve all. */
function join(json: string, argument: string, lookup: Lookup): string {
  const { open, members } = membersOf(json);
  if (open !== "[") return json;
  const all = members
    .map(({ value }) => membersOf(value))
    .filter((each) => each.open === "{")
    .flatMap((each) => each.members);
  if (lookup(argument, "preserve").type === "True")
    return wrap(
      "{",
      all.map(({ name, value }) => `${name}:${value}`),
    );
  const last = new Map(all.map(({ name, value }) => [name, value]));
  return wrap(
    "{",
    Array.from(last, ([name, value]) => `${name}:${value}`),
  );
}

/** An object of arrays to an array of objects. */
function group(json: string): string {
  const { open, members } = membersOf(json);
  if (open !== "{") return "";
  const rows: string[][] = [];
  for (const { name, value } of members) {
    const inner = partsOf(value);
    if (inner.open !== "[") continue;
    for (const [i, part] of inner.parts.entries()) {
      rows[i] ??= [];
      rows[i].push(`${name}:${part}`);
    }
  }
  return wrap(
    "[",
    rows.map((row) => wrap("{", row)),
  );
}

function dig(json: string, path: string, lookup: Lookup, found: string[], depth: number): void {
  const result = lookup(json, path);
  if (result.exists) found.push(result.raw || result.string);
  if (depth > digDepthMax) return;
  for (const { value } of membersOf(json).members) dig(value, path, lookup, found, depth + 1);
}

function isValid(json: string): boolean {
  try {
    parseTree(json);
    return true;
  } catch {
    // That is the answer.
    return false;
  }
}
