import { ExecutorError, errorText } from "../src/errors/index.ts";

/** Runs an evaluation. Deep nesting ends the stack and large text the engine's strings: TooLarge instead of our bug. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = `expression is nested too deeply or makes too much text (${errorText(error)}); make it simpler`;
    throw new ExecutorError("TooLarge", message, { cause: error });
  }
}
