/** What functions say when they fail, in gojq's words. */
import { describe, JqError, type JqValue, preview } from "./values.ts";

/** The function, with its arguments, is none for such a value: `has("a") cannot be applied to: number (1)`. */
export function notApplicable(name: string, value: JqValue, ...args: readonly JqValue[]): JqError {
  return new JqError(`${callText(name, args)} cannot be applied to: ${describe(value)}`);
}

/** The function failed at something within the value, and the reason is told. */
export function failedOn(name: string, value: JqValue, args: readonly JqValue[], reason: string): JqError {
  return new JqError(`${callText(name, args)} cannot be applied to ${preview(value)}: ${reason}`);
}

/** Runs a part of a function; what fails in it is told as the reason. */
export function within<T>(name: string, value: JqValue, args: readonly JqValue[], part: () => T): T {
  try {
    return part();
  } catch (error) {
    if (!(error instanceof JqError)) throw error;
    throw failedOn(name, value, args, error.message);
  }
}

function callText(name: string, args: readonly JqValue[]): string {
  return args.length === 0 ? name : `${name}(${args.map(preview).join("; ")})`;
}
