import { ExecutorError } from "../../errors/index.ts";
import { isList, isObject, isSame, type Json, type JsonObject, memberOf, objectOf } from "./json.ts";
import type { FieldRule, PatchSchema } from "./patch-schema.ts";
import { diffObjects } from "./strategic-diff.ts";
import {
  deletedValues,
  directive,
  elementOrder,
  find,
  holdsObjects,
  inOrder,
  interleaved,
  keyed,
  type List,
  retainKeys,
  withoutRepetitions,
} from "./strategic-lists.ts";

/**
 * The strategic merge patch by which kubectl applies a manifest to a built-in kind (client-go's
 * `CreateThreeWayMergePatch`): changes from the object to the manifest, and what the manifest said last time and says
 * no more. Lists are merged by key where the type says so.
 * @param original the manifest that was applied last, or undefined
 */
export function threeWayStrategicPatch(
  original: JsonObject | undefined,
  modified: JsonObject,
  current: JsonObject,
  schema: PatchSchema,
): JsonObject {
  const changes = diffObjects(current, modified, schema, "changes");
  const deletions = diffObjects(original ?? {}, modified, schema, "deletions");
  return mergePatches(deletions, changes, schema);
}

/** Two patches as one; neither takes anything back that the other says. */
function mergePatches(under: JsonObject, over: JsonObject, schema: PatchSchema): JsonObject {
  const own = memberOf(over, directive);
  if (own === "replace") return objectOf(Object.entries(over).filter(([name]) => name !== directive));
  if (own === "delete") return {};
  const merged = new Map(Object.entries(under));
  const orderedLists = mergeOrderedLists(merged, over, schema);
  for (const [name, value] of Object.entries(over)) {
    const before = merged.get(name);
    if (orderedLists.has(name)) continue;
    if (name === retainKeys || name.startsWith(elementOrder)) {
      if (before !== undefined && !isSame(before, value)) throw contradiction(name);
      merged.set(name, value);
    } else if (name.startsWith(deletedValues) || value === null || before === undefined) {
      setWithoutDirectives(merged, name, value);
    } else if (isObject(before) && isObject(value)) {
      const rule = schema.object(name);
      merged.set(name, rule.strategy === "replace" ? value : mergePatches(before, value, rule.schema));
    } else if (isList(before) && isList(value)) {
      const rule = schema.list(name);
      merged.set(name, rule.strategy === "merge" ? mergeLists(before, value, rule) : value);
    } else setWithoutDirectives(merged, name, value);
  }
  return objectOf(merged);
}

/** Merges the lists whose order the later patch says, into `merged`, and returns their names. */
function mergeOrderedLists(
  merged: Map<string, Json>,
  over: JsonObject,
  schema: PatchSchema,
): ReadonlySet<string> {
  const done = new Set<string>();
  for (const [directiveName, order] of Object.entries(over)) {
    if (!directiveName.startsWith(elementOrder) || !isList(order)) continue;
    const name = directiveName.slice(elementOrder.length);
    const [under, next] = [merged.get(name), memberOf(over, name)];
    const before = isList(under) ? under : [];
    const rule = schema.list(name);
    const added = isList(next) ? next : [];
    const isMerged = under !== undefined && next !== undefined && rule.strategy === "merge";
    const all = isMerged
      ? mergeLists(before, added, rule)
      : next === undefined
        ? before
        : withoutDirectives(added);
    if (isList(all) && (under ?? next) !== undefined) {
      merged.set(name, ordered(all, order, before, rule.mergeKey));
      done.add(name);
    }
  }
  return done;
}

function contradiction(name: string): ExecutorError {
  return new ExecutorError("Internal", `the two halves of a patch contradict each other at ${name}`);
}

function setWithoutDirectives(members: Map<string, Json>, name: string, value: Json): void {
  const kept = withoutDirectives(value);
  if (kept === undefined) members.delete(name);
  else members.set(name, kept);
}

/** Undefined for a value that is a directive itself. */
function withoutDirectives(value: Json): Json | undefined {
  if (isList(value)) return value.flatMap((each) => withoutDirectives(each) ?? []);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, directive)) return undefined;
  return objectOf(
    Object.entries(value).flatMap(([name, each]) => {
      const kept = withoutDirectives(each);
      return kept === undefined ? [] : [[name, kept] as const];
    }),
  );
}

function mergeLists(under: List, over: List, { mergeKey, schema }: FieldRule): List {
  if (under.length === 0 && over.length === 0) return under;
  if (!holdsObjects(under, over)) {
    const both = withoutRepetitions([...under, ...over]);
    return ordered(both, over, under, "");
  }
  let left: readonly JsonObject[] = keyed(under, mergeKey);
  const right = over.filter((element) => memberOf(element, directive) === undefined);
  for (const element of over) {
    const what = memberOf(element, directive);
    if (what === "replace") return right;
    if (what === "delete") left = left.filter((each) => each[mergeKey] !== memberOf(element, mergeKey));
  }
  const elements = keyed(right, mergeKey);
  const merged = left.map((element) => {
    const other = find(elements, mergeKey, element[mergeKey]);
    return other === undefined ? element : mergePatches(element, other, schema);
  });
  const fresh = elements.filter((element) => find(left, mergeKey, element[mergeKey]) === undefined);
  return ordered([...merged, ...fresh], right, left, mergeKey);
}

function ordered(merged: List, over: List, under: List, mergeKey: string): List {
  const isInOver = (value: Json) =>
    mergeKey === "" ? over.includes(value) : find(over, mergeKey, memberOf(value, mergeKey)) !== undefined;
  const patchItems = inOrder(merged.filter(isInOver), over, mergeKey);
  const others = inOrder(
    merged.filter((value) => !isInOver(value)),
    under,
    mergeKey,
  );
  return interleaved(others, patchItems, under, mergeKey);
}
