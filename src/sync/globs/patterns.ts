import { ExecutorError, errorText } from "../../errors/index.ts";

/** True for a text that one of the patterns matches. */
export type Glob = (text: string) => boolean;

/**
 * Patterns for names, as shells have them: `*`, `?`, `[a-z]`, `{a,b}`; a dot is nothing special.
 * Undefined where there is none. Throws BadRequest naming the flag for one that cannot be read.
 */
export async function globs(
  patterns: readonly string[] | undefined,
  flag: string,
): Promise<Glob | undefined> {
  if (patterns === undefined || patterns.length === 0) return undefined;
  const { picomatch } = await import("./vendor.ts");
  const tests = patterns.map((pattern) => {
    try {
      return picomatch(pattern, { dot: true, nonegate: true, windows: false });
    } catch (cause) {
      const text = `${flag} ${JSON.stringify(pattern)} is no pattern: ${errorText(cause)}`;
      throw new ExecutorError("BadRequest", text, { cause });
    }
  });
  return (text) => tests.some((matches) => matches(text));
}
