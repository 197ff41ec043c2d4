/** Regular expressions with RE2's syntax and linear time (docs/contract/expressions.md#6.3). */
import { RE2JS } from "re2js";
import { LanguageError } from "../errors/index.ts";

/** Patterns longer than this would compile into programs of many megabytes. */
const patternMax = 20_000;

/** Compiles a pattern. Throws LanguageError (syntax) with RE2's message, such as "error parsing regexp: missing closing ): `(`". */
export function compileRegexp(pattern: string, flags = 0): RE2JS {
  if (pattern.length > patternMax) {
    throw new LanguageError("memory", `regular expression is longer than ${patternMax} characters`);
  }
  try {
    return RE2JS.compile(pattern.toWellFormed(), flags);
  } catch (error) {
    const unique = uniqueNames(pattern);
    if (unique !== pattern) return compileRegexp(unique, flags);
    const message = error instanceof Error ? error.message : String(error);
    throw new LanguageError("syntax", message.replace(/(?<=end of expression)$/, ": ``"), error);
  }
}

/** In Go's form of RE2 groups may share a name, in the library they may not: the first keeps it. */
function uniqueNames(pattern: string): string {
  const names = new Set<string>();
  return pattern.replace(/((?:^|[^\\])(?:\\\\)*\()\?P?<(\w+)>/g, (group, start: string, name: string) => {
    if (names.has(name)) return start;
    names.add(name);
    return group;
  });
}

/** Remembers the patterns of one evaluation, so that a pattern in a loop is compiled once. */
export class RegexpCache {
  readonly #compiled = new Map<string, RE2JS>();

  get(pattern: string, flags = 0): RE2JS {
    const key = `${flags}:${pattern}`;
    let compiled = this.#compiled.get(key);
    if (compiled === undefined) {
      compiled = compileRegexp(pattern, flags);
      if (this.#compiled.size < cacheMax) this.#compiled.set(key, compiled);
    }
    return compiled;
  }
}

const cacheMax = 100;

/** Whether the pattern matches anywhere in the text; stray bytes read as U+FFFD. */
export function matchesAnywhere(regexp: RE2JS, text: string): boolean {
  return regexp.matcher(text.toWellFormed()).find();
}
