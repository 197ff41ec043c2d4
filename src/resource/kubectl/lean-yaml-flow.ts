import { type Json, objectOf } from "./json.ts";
import { memberName, plainScalar } from "./yaml-scalar.ts";

/** What is not read here: the package for YAML reads it, or says what is wrong with it. */
export class NotLean extends Error {}

interface Read {
  readonly value: Json;
  /** Behind the value. */
  readonly end: number;
}

const depthMax = 50;
/** Words and numbers; a colon only where it cannot be one that follows a key. */
const plainForm =
  /(?:[A-Za-z0-9_./~+$]|-[A-Za-z0-9_./])(?:[A-Za-z0-9_./~+$@*=-]|:(?=[A-Za-z0-9_/.-])| (?=[A-Za-z0-9_./]))*/y;
const blanks = / */y;

/** A list in brackets or a mapping in braces, which is all that its line holds. */
export function readFlow(text: string): Json {
  const { value, end } = readNode(text, 0, 0);
  if (!isEnd(text, end)) throw new NotLean();
  return value;
}

/** Nothing follows, or a comment. */
export function isEnd(text: string, at: number): boolean {
  return /^(?:$| +#| *$)/.test(text.slice(at));
}

/** JSON has no words for other numbers. */
export function finite(value: Json): Json {
  if (typeof value === "number" && !Number.isFinite(value)) throw new NotLean();
  return value;
}

/** A text in quotes that ends on its line; of escapes only those that JSON has, without \\u. */
export function readQuoted(text: string, from: number): { readonly value: string; readonly end: number } {
  const form = text[from] === "'" ? /'((?:[^']|'')*)'/y : /"((?:[^"\\]|\\["\\/nrtbf])*)"/y;
  form.lastIndex = from;
  const [whole, inner = ""] = form.exec(text) ?? [];
  if (whole === undefined) throw new NotLean();
  const value = text[from] === "'" ? inner.replaceAll("''", "'") : (JSON.parse(`"${inner}"`) as string);
  return { value, end: from + whole.length };
}

function readNode(text: string, from: number, depth: number): Read {
  if (depth > depthMax) throw new NotLean();
  const first = text[from];
  if (first === '"' || first === "'") return readQuoted(text, from);
  if (first === "[") return readList(text, from, depth);
  if (first === "{") return readMapping(text, from, depth);
  const plain = readPlain(text, from);
  return { value: finite(plainScalar(plain)), end: from + plain.length };
}

function readPlain(text: string, from: number): string {
  plainForm.lastIndex = from;
  const [plain] = plainForm.exec(text) ?? [];
  if (plain === undefined) throw new NotLean();
  return plain;
}

function readList(text: string, from: number, depth: number): Read {
  const items: Json[] = [];
  let at = afterBlanks(text, from + 1);
  if (text[at] === "]") return { value: items, end: at + 1 };
  for (;;) {
    const item = readNode(text, at, depth + 1);
    items.push(item.value);
    at = afterBlanks(text, item.end);
    if (text[at] === "]") return { value: items, end: at + 1 };
    if (text[at] !== ",") throw new NotLean();
    at = afterBlanks(text, at + 1);
  }
}

function readMapping(text: string, from: number, depth: number): Read {
  const members = new Map<string, Json>();
  let at = afterBlanks(text, from + 1);
  if (text[at] === "}") return { value: objectOf(members), end: at + 1 };
  for (;;) {
    const isQuoted = text[at] === '"' || text[at] === "'";
    const key = isQuoted ? readQuoted(text, at) : plainKey(text, at);
    if (text[key.end] !== ":" || text[key.end + 1] !== " ") throw new NotLean();
    const member = readNode(text, afterBlanks(text, key.end + 1), depth + 1);
    members.delete(key.value);
    members.set(key.value, member.value);
    at = afterBlanks(text, member.end);
    if (text[at] === "}") return { value: objectOf(members), end: at + 1 };
    if (text[at] !== ",") throw new NotLean();
    at = afterBlanks(text, at + 1);
  }
}

function plainKey(text: string, from: number): { readonly value: string; readonly end: number } {
  const plain = readPlain(text, from);
  return { value: memberName(plainScalar(plain), plain), end: from + plain.length };
}

function afterBlanks(text: string, from: number): number {
  blanks.lastIndex = from;
  return from + (blanks.exec(text)?.[0].length ?? 0);
}
