import type { ListedObject } from "../repository/index.ts";

/** How two objects of one key were told to be equal or different, in words for the report. */
export type Evidence =
  | "size differs"
  | "digest is equal"
  | "digest differs"
  | "tag is equal"
  | "as large, and of the same time"
  | "as large, and stored later"
  | "as large, and older than the source"
  | "as large, and no time is known";

export interface Likeness {
  readonly isEqual: boolean;
  readonly evidence: Evidence;
  /** True where the tags that differ may be no digests, as with keys of a key service: only a question to each store tells. */
  readonly isDoubtful: boolean;
}

/**
 * Tells by what listings say whether the target has the source's content. Without a common digest, the time decides: a
 * copy is younger than what it is a copy of. The pair is doubtful where the digests differ and the time says "copied".
 * @param areTimesExact true where both sides are known to tell milliseconds: see `tellsMilliseconds`
 */
export function likenessOf(source: ListedObject, target: ListedObject, areTimesExact: boolean): Likeness {
  if (source.sizeBytes !== target.sizeBytes) return certain(false, "size differs");
  if (source.etag !== undefined && source.etag === target.etag) return certain(true, "tag is equal");
  const isLater = isStoredLater(source, target, areTimesExact);
  if (source.md5 !== undefined && target.md5 !== undefined) {
    if (source.md5 === target.md5) return certain(true, "digest is equal");
    return { isEqual: false, evidence: "digest differs", isDoubtful: isLater };
  }
  if (source.modifiedMs === undefined || target.modifiedMs === undefined) {
    return certain(false, "as large, and no time is known");
  }
  // Files keep the time of what they are a copy of.
  if (Math.floor(source.modifiedMs) === Math.floor(target.modifiedMs))
    return certain(true, "as large, and of the same time");
  return isLater
    ? certain(true, "as large, and stored later")
    : certain(false, "as large, and older than the source");
}

/** Where times may be told to the second only, nobody knows within one which was first, and it is copied once more. */
function isStoredLater(source: ListedObject, target: ListedObject, areTimesExact: boolean): boolean {
  if (source.modifiedMs === undefined || target.modifiedMs === undefined) return false;
  const unitMs = areTimesExact ? 1 : 1000;
  return Math.floor(target.modifiedMs / unitMs) > Math.floor(source.modifiedMs / unitMs);
}

/**
 * True for a listing that shows a part of a second: some stores tell times to the second, and no single time that has
 * none says which kind its store is of.
 */
export function tellsMilliseconds(objects: readonly ListedObject[]): boolean {
  return objects.some(({ modifiedMs }) => modifiedMs !== undefined && modifiedMs % 1000 !== 0);
}

function certain(isEqual: boolean, evidence: Evidence): Likeness {
  return { isEqual, evidence, isDoubtful: false };
}
