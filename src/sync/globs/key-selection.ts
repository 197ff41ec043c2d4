import type { Selection } from "../selection.ts";

/** Which keys the user named. */
export interface KeyGlobs {
  /** Wanted is what one of them matches; none: every key. */
  readonly include: readonly string[];
  /** What one of them matches is not wanted. */
  readonly exclude: readonly string[];
}

/**
 * Selects by the keys behind a repository's prefix. Globs are those of shells: `*` stays between slashes, `**` does
 * not, and names that begin with a dot are like others. `prefixes` are those of the repositories that are asked about.
 */
export async function selectKeys(
  { include, exclude }: KeyGlobs,
  prefixes: readonly string[],
): Promise<Selection> {
  const { picomatch } = await import("./vendor.ts");
  const options = { dot: true, nonegate: true };
  const isIncluded = include.length === 0 ? () => true : picomatch([...include], options);
  const isExcluded = exclude.length === 0 ? () => false : picomatch([...exclude], options);
  return {
    isPartial: false,
    judge({ key }) {
      const prefix = prefixes.find((each) => key.startsWith(each)) ?? "";
      const name = key.slice(prefix.length);
      if (!isIncluded(name)) return { isWanted: false, why: "--include does not match" };
      return isExcluded(name) ? { isWanted: false, why: "--exclude matches" } : { isWanted: true };
    },
  };
}
