import { readFile } from "node:fs/promises";

/**
 * The last line of the progress file, if it says how far the step is: `N/M` with 0 <= N <= M and M > 0. Anything
 * else counts as nothing, for a controller crashes on a value without a slash (contract pod.md 5.6, defect 15).
 */
export async function readProgress(path: string): Promise<string | undefined> {
  const line = (await lastLine(path)) ?? "";
  const [, done, total] = /^(\d{1,18})\/(\d{1,18})$/.exec(line) ?? [];
  if (done === undefined || total === undefined) return undefined;
  return BigInt(done) <= BigInt(total) && BigInt(total) > 0n ? line : undefined;
}

/** The last line, trimmed, or undefined for a file that is not there. Empty lines at the end do not count. */
export async function lastLine(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim().split("\n").at(-1)?.trim();
  } catch {
    // Not there yet, or being replaced: the next event tells.
    return undefined;
  }
}
