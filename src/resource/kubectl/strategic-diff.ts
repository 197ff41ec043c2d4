import { isList, isObject, isSame, type Json, type JsonObject, memberOf, objectOf } from "./json.ts";
import type { FieldRule, PatchSchema } from "./patch-schema.ts";
import {
  deletedValues,
  deletionOf,
  directive,
  elementOrder,
  holdsObjects,
  inOrder,
  keyed,
  type List,
  printed,
  retainKeys,
  withoutRepetitions,
} from "./strategic-lists.ts";

/** Which differences count: what `modified` has and `original` has not, or the other way round. */
export type DiffMode = "changes" | "deletions";

/** The strategic merge patch that makes `modified` of `original`, as far as `mode` goes. */
export function diffObjects(
  original: JsonObject,
  modified: JsonObject,
  schema: PatchSchema,
  mode: DiffMode,
  retains = false,
): JsonObject {
  const patch = new Map<string, Json>();
  for (const [name, value] of Object.entries(modified)) {
    const before = memberOf(original, name);
    if (before === undefined) {
      if (mode === "changes") patch.set(name, value);
    } else if (name === directive) {
      if (!isSame(before, value)) patch.set(name, value);
    } else if (isObject(before) && isObject(value)) {
      diffObject(patch, name, [before, value], schema, mode);
    } else if (isList(before) && isList(value)) {
      diffList(patch, name, [before, value], schema, mode);
    } else if (mode === "changes" && !isSame(before, value)) patch.set(name, value);
  }
  if (mode === "deletions") {
    for (const name of Object.keys(original)) if (!Object.hasOwn(modified, name)) patch.set(name, null);
  }
  const kept = Object.entries(modified).flatMap(([name, value]) => (value === null ? [] : [name]));
  if (retains && kept.length > 0 && (patch.size > 0 || hasMore(original, modified))) {
    patch.set(retainKeys, kept.sort());
  }
  return objectOf(patch);
}

function hasMore(original: JsonObject, modified: JsonObject): boolean {
  return Object.entries(original).some(([name, value]) => value !== null && !Object.hasOwn(modified, name));
}

type Pair<T> = readonly [T, T];

function diffObject(
  patch: Map<string, Json>,
  name: string,
  [before, value]: Pair<JsonObject>,
  schema: PatchSchema,
  mode: DiffMode,
): void {
  const rule = ruleOf(() => schema.object(name), isSame(before, value));
  if (rule === undefined) return;
  if (rule.strategy === "replace") {
    if (mode === "changes") patch.set(name, value);
    return;
  }
  const inner = diffObjects(before, value, rule.schema, mode, rule.retainsKeys);
  if (Object.keys(inner).length > 0) patch.set(name, inner);
}

/** Undefined for a field that the server does not know, where nothing differs in it. */
function ruleOf(find: () => FieldRule, isUnchanged: boolean): FieldRule | undefined {
  try {
    return find();
  } catch (error) {
    if (isUnchanged) return undefined;
    throw error;
  }
}

function diffList(
  patch: Map<string, Json>,
  name: string,
  [before, value]: Pair<List>,
  schema: PatchSchema,
  mode: DiffMode,
): void {
  const rule = ruleOf(() => schema.list(name), isSame(before, value));
  if (rule === undefined) return;
  if (rule.strategy !== "merge") {
    if (mode === "changes" && !isSame(before, value)) patch.set(name, value);
    return;
  }
  if (before.length === 0) {
    if (value.length > 0 && mode === "changes") patch.set(name, value);
    return;
  }
  const { added, deleted, order } = holdsObjects(before, value)
    ? diffElements(before, value, rule, mode)
    : diffValues(before, value, mode);
  if (added.length > 0) patch.set(name, added);
  if (deleted.length > 0) patch.set(`${deletedValues}${name}`, deleted);
  if (order.length > 0) patch.set(`${elementOrder}${name}`, order);
}

interface ListDiff {
  readonly added: List;
  /** Plain values; deleted elements stand among those added. */
  readonly deleted: List;
  readonly order: List;
}

function diffElements(
  before: List,
  value: List,
  { mergeKey, schema, retainsKeys }: FieldRule,
  mode: DiffMode,
): ListDiff {
  const [old, next] = [keyed(before, mergeKey), keyed(value, mergeKey)];
  const keyOf = (element: JsonObject) => printed(element[mergeKey]);
  const byKey = new Map(old.map((element) => [keyOf(element), element]));
  const changed = next.flatMap((element) => {
    const same = byKey.get(keyOf(element));
    if (same === undefined) return mode === "changes" ? [element] : [];
    const inner = diffObjects(same, element, schema, mode, retainsKeys);
    return Object.keys(inner).length > 0 ? [{ ...inner, [mergeKey]: element[mergeKey] ?? null }] : [];
  });
  const present = new Set(next.map(keyOf));
  const gone = mode === "deletions" ? old.filter((element) => !present.has(keyOf(element))) : [];
  const deletions = [...gone]
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .map((element) => deletionOf(mergeKey, element[mergeKey] ?? null));
  const added = [...inOrder(changed, value, mergeKey), ...deletions];
  const isOrderSame =
    old.length === next.length && old.every((element, at) => element[mergeKey] === next[at]?.[mergeKey]);
  const hasOrder = added.length > 0 || (mode === "changes" && !isOrderSame);
  const order = hasOrder ? next.map((element) => objectOf([[mergeKey, element[mergeKey] ?? null]])) : [];
  return { added, deleted: [], order };
}

function diffValues(before: List, value: List, mode: DiffMode): ListDiff {
  const count = (list: List) => {
    const counts = new Map<string, number>();
    for (const each of list) counts.set(printed(each), (counts.get(printed(each)) ?? 0) + 1);
    return counts;
  };
  const surplus = (list: List, other: List) => {
    const left = count(other);
    return list.filter((each) => {
      const times = left.get(printed(each)) ?? 0;
      left.set(printed(each), times - 1);
      return times <= 0;
    });
  };
  const byText = (list: List) => [...list].sort((a, b) => (printed(a) <= printed(b) ? -1 : 1));
  const added = mode === "changes" ? inOrder(byText(surplus(value, before)), value, "") : [];
  const deleted = mode === "deletions" ? withoutRepetitions(byText(surplus(before, value))) : [];
  // The original compares with what it has sorted meanwhile: an order that is no alphabetical one is always said.
  const hasOrder = mode === "changes" ? !isSame(byText(before), value) : deleted.length > 0;
  return { added, deleted, order: hasOrder ? value : [] };
}
