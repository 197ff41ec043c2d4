/** Values of documents that others wrote: whatever is not what it should be counts as absent. */
export type JsonObject = Readonly<Record<string, unknown>>;

const nothing: JsonObject = Object.freeze(Object.create(null));

/** The member below the names, or undefined. What an object inherits is none of its members. */
export function memberAt(value: unknown, ...names: readonly string[]): unknown {
  let at = value;
  for (const name of names) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as JsonObject)[name];
  }
  return at;
}

/** An object; an empty one where there is none. */
export function objectAt(value: unknown, ...names: readonly string[]): JsonObject {
  const found = memberAt(value, ...names);
  return typeof found === "object" && found !== null && !Array.isArray(found)
    ? (found as JsonObject)
    : nothing;
}

/** A text; empty where there is none. */
export function textAt(value: unknown, ...names: readonly string[]): string {
  const found = memberAt(value, ...names);
  return typeof found === "string" ? found : "";
}

/** A list; empty where there is none. */
export function listAt(value: unknown, ...names: readonly string[]): readonly unknown[] {
  const found = memberAt(value, ...names);
  return Array.isArray(found) ? found : [];
}

/** The texts among the members of an object, such as labels. */
export function textsAt(value: unknown, ...names: readonly string[]): Readonly<Record<string, string>> {
  const entries = Object.entries(objectAt(value, ...names)).filter(([, text]) => typeof text === "string");
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Milliseconds since the epoch; undefined where there is no time that can be read, or Go's zero time. */
export function timeAt(value: unknown, ...names: readonly string[]): number | undefined {
  const ms = Date.parse(textAt(value, ...names));
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms;
}
