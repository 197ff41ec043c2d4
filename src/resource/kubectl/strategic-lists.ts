import { ExecutorError } from "../../errors/index.ts";
import { isList, isObject, type Json, type JsonObject, memberOf, objectOf } from "./json.ts";

/** What a strategic merge patch says beside values (Kubernetes "Strategic Merge Patch"). */
export const directive = "$patch";
export const retainKeys = "$retainKeys";
export const deletedValues = "$deleteFromPrimitiveList/";
export const elementOrder = "$setElementOrder/";

export type List = readonly Json[];

export function deletionOf(mergeKey: string, value: Json): JsonObject {
  return objectOf([
    [mergeKey, value],
    [directive, "delete"],
  ]);
}

export function isDeletion(value: Json): boolean {
  return memberOf(value, directive) === "delete";
}

/** The elements of a list that is merged by key. Throws BadRequest where one has no key. */
export function keyed(list: List, mergeKey: string): readonly JsonObject[] {
  return list.map((element) => {
    if (isObject(element) && Object.hasOwn(element, mergeKey)) return element;
    throw new ExecutorError(
      "BadRequest",
      `an element of a merged list does not contain declared merge key: ${mergeKey}`,
    );
  });
}

/** Whether the lists hold objects; lists are of one type throughout, and no lists themselves. */
export function holdsObjects(...lists: readonly List[]): boolean {
  const kinds = new Set(
    lists.flat().map((value) => (isList(value) ? "list" : value === null ? "null" : typeof value)),
  );
  if (kinds.has("list")) throw new ExecutorError("BadRequest", "lists of lists are not supported");
  if (kinds.size > 1) throw new ExecutorError("BadRequest", "list element types are not identical");
  return kinds.has("object");
}

/** How Go prints a value: what elements are sorted and compared by. */
export function printed(value: Json | undefined): string {
  return value === null || value === undefined ? "<nil>" : String(value);
}

export function find(list: List, mergeKey: string, value: Json | undefined): JsonObject | undefined {
  return list.find((each): each is JsonObject => memberOf(each, mergeKey) === value);
}

/** Each value once; a repetition gives its place to the last one, as in the original. */
export function withoutRepetitions(values: List): Json[] {
  const left = [...values];
  for (let first = 0; first < left.length - 1; first++) {
    for (let second = first + 1; second < left.length; second++) {
      if (left[first] !== left[second]) continue;
      left[second] = left.at(-1) ?? null;
      left.pop();
      second -= 1;
    }
  }
  return left;
}

/** Sorted by the order of `order`; deletions come last. */
export function inOrder(list: List, order: List, mergeKey: string): Json[] {
  const place = (value: Json) => placeIn(order, value, mergeKey);
  const sorted = list.filter((value) => !isDeletion(value));
  // Elements that have no place move to the front, in the original's way of inserting them.
  for (let from = 1; from < sorted.length; from++) {
    for (let at = from; at > 0; at--) {
      const [left, right] = [sorted[at - 1] ?? null, sorted[at] ?? null];
      const [a, b] = [place(right), place(left)];
      if (a >= 0 && b >= 0 && a >= b) break;
      sorted[at - 1] = right;
      sorted[at] = left;
    }
  }
  return [...sorted, ...list.filter(isDeletion)];
}

/** Two lists as one: each keeps its order, and where both are known to `order`, that counts. */
export function interleaved(left: List, right: List, order: List, mergeKey: string): Json[] {
  const all: Json[] = [];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    const [a, b] = [left[i] ?? null, right[j] ?? null];
    const [placeOfA, placeOfB] = [placeIn(order, a, mergeKey), placeIn(order, b, mergeKey)];
    const isFirst = placeOfA >= 0 && placeOfB >= 0 && placeOfA < placeOfB;
    all.push(isFirst ? a : b);
    if (isFirst) i += 1;
    else j += 1;
  }
  return [...all, ...left.slice(i), ...right.slice(j)];
}

function placeIn(order: List, value: Json, mergeKey: string): number {
  if (mergeKey === "") return order.indexOf(value);
  return order.findIndex((each) => memberOf(each, mergeKey) === memberOf(value, mergeKey));
}
