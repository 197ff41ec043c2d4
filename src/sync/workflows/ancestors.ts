/**
 * The keys whose artifact an object may be a part of, nearest first: its own, and those of the directories above it,
 * with and without the slash at their end.
 */
export function* selfAndAncestors(key: string): Generator<string> {
  yield key;
  for (let slash = key.lastIndexOf("/"); slash >= 0; slash = key.lastIndexOf("/", slash - 1)) {
    if (slash + 1 < key.length) yield key.slice(0, slash + 1);
    if (slash > 0) yield key.slice(0, slash);
    if (slash === 0) return;
  }
}
