import { LanguageError, messageOf } from "./errors/index.ts";

/** Runs an evaluation. Deep nesting ends the stack and large text the engine's strings: an error of ours instead of a bug. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = `expression is nested too deeply or makes too much text (${messageOf(error)}); make it simpler`;
    throw new LanguageError("memory", message, error);
  }
}
