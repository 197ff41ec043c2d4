import { isList, isObject, isSame, type Json, type JsonObject, objectOf } from "./json.ts";

/**
 * The JSON merge patch (RFC 7386) by which kubectl applies a manifest to a kind without merge rules of its own: what the
 * manifest says and the object does not, and what the manifest said last time and says no more.
 * @param original the manifest that was applied last, or undefined
 */
export function threeWayMergePatch(
  original: JsonObject | undefined,
  modified: JsonObject,
  current: JsonObject,
): JsonObject {
  const changes = withoutNulls(mergePatchOf(current, modified));
  const deletions = nullsOnly(mergePatchOf(original ?? {}, modified));
  return merged(deletions, changes);
}

/** The patch that makes `to` of `from`. */
function mergePatchOf(from: JsonObject, to: JsonObject): JsonObject {
  const patch: [string, Json][] = [];
  for (const [name, value] of Object.entries(to)) {
    const before = Object.hasOwn(from, name) ? from[name] : undefined;
    if (isObject(before) && isObject(value)) {
      const inner = mergePatchOf(before, value);
      if (Object.keys(inner).length > 0) patch.push([name, inner]);
    } else if (before === undefined || !isSame(before, value)) patch.push([name, value]);
  }
  for (const name of Object.keys(from)) if (!Object.hasOwn(to, name)) patch.push([name, null]);
  return objectOf(patch);
}

/** Additions and changes alone; an empty object in the manifest is a value. */
function withoutNulls(patch: JsonObject): JsonObject {
  return filtered(patch, (value) => {
    if (value === null) return undefined;
    if (!isObject(value) || Object.keys(value).length === 0) return value;
    return orNothing(withoutNulls(value));
  });
}

function nullsOnly(patch: JsonObject): JsonObject {
  return filtered(patch, (value) => {
    if (value === null) return null;
    return isObject(value) ? orNothing(nullsOnly(value)) : undefined;
  });
}

function filtered(patch: JsonObject, keep: (value: Json) => Json | undefined): JsonObject {
  return objectOf(
    Object.entries(patch).flatMap(([name, value]) => {
      const kept = keep(value);
      return kept === undefined ? [] : [[name, kept] as const];
    }),
  );
}

function orNothing(value: JsonObject): JsonObject | undefined {
  return Object.keys(value).length > 0 ? value : undefined;
}

function merged(under: JsonObject, over: JsonObject): JsonObject {
  const members = new Map(Object.entries(under));
  for (const [name, value] of Object.entries(over)) {
    const before = members.get(name);
    members.set(name, isObject(before) && isObject(value) ? merged(before, value) : stripped(value));
  }
  return objectOf(members);
}

/** Takes nulls out of objects at any depth, lists included, as kubectl does before it creates what it applies. */
export function withoutNullMembers(value: JsonObject): JsonObject {
  return filtered(value, (each) => (each === null ? undefined : stripped(each)));
}

function stripped(value: Json): Json {
  if (isList(value)) return value.map(stripped);
  return isObject(value) ? withoutNullMembers(value) : value;
}
