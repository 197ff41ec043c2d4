/** JSON with whole numbers of any size: a manifest's 64-bit integers reach the API server as they were written. */

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [field: string]: Json;
}

/** Throws SyntaxError. */
export function parseJson(text: string): Json {
  // Nearly no document needs the slower way.
  if (!/\d{16}/.test(text)) return JSON.parse(text) as Json;
  return JSON.parse(text, (_name, value: Json, context?: { readonly source?: string }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context?.source ?? 0)
      : value,
  ) as Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** An object of these members; unlike an assignment, it makes a member of `__proto__` too. */
export function objectOf(members: Iterable<readonly [string, Json]>): JsonObject {
  return Object.fromEntries(members) as JsonObject;
}

export function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The text at a path of member names; empty where there is none. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = path.reduce<Json | undefined>(memberOf, value);
  return typeof found === "string" ? found : "";
}

/** The object with a member set at a path, or taken out where `member` is undefined. */
export function withMember(value: JsonObject, path: readonly string[], member: Json | undefined): JsonObject {
  const [name = "", ...rest] = path;
  const others = Object.entries(value).filter(([each]) => each !== name);
  const own = memberOf(value, name);
  const next = rest.length === 0 ? member : withMember(isObject(own) ? own : {}, rest, member);
  if (next === undefined) return objectOf(others);
  // A member that is there keeps its place.
  if (own === undefined) return objectOf([...others, [name, next]]);
  return objectOf(Object.entries(value).map(([each, its]) => [each, each === name ? next : its]));
}

export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}

/** Compact JSON as Go's encoder writes it: members sorted, `<`, `>` and `&` escaped. */
export function writeJson(value: Json): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "bigint") return String(value);
  if (isList(value)) return `[${value.map(writeJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => compareBytes(a, b));
  return `{${members.map(([name, member]) => `${quoted(name)}:${writeJson(member)}`).join(",")}}`;
}

/** Of two texts in UTF-8. */
export function compareBytes(a: string, b: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is meant
  if (/^[\x00-\x7f]*$/.test(a + b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function quoted(text: string): string {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, escaped);
}
