/** Values on their way through a filter. */
import { describe, isArray, JqError, type JqValue } from "./values.ts";

/** A value on its way through a filter. */
export interface Out {
  readonly value: JqValue;
  /** Where in the input the filter has come to; undefined when nobody asks. */
  readonly path: readonly JqValue[] | undefined;
  /** What lies there. A value that is not this one, or no scalar like it, is none of the input. */
  readonly at: JqValue;
}

export type Outs = Generator<Out, void, undefined>;

/** A value for filters whose paths nobody asks for. */
export function plain(value: JqValue): Out {
  return { value, path: undefined, at: null };
}

/** The beginning of all paths. */
export function root(value: JqValue): Out {
  return { value, path: [], at: value };
}

/** A value that was computed. */
export function computed(value: JqValue, input: Out): Out {
  return { value, path: input.path, at: input.at };
}

/** What lies under a key of the input. */
export function below(key: JqValue, value: JqValue, input: Out): Out {
  return { value, path: input.path && [...input.path, key], at: value };
}

/** What an access has read under a key. Throws where the target is none of the input. */
export function access(key: JqValue, value: JqValue, target: Out): Out {
  checkPath(target);
  return below(key, value, target);
}

/** Whether the value is what lies at its path. */
export function isInPlace({ value, path, at }: Out): boolean {
  if (path === undefined || value === at) return true;
  // Empty lists have no identity of their own.
  if (isArray(value) && isArray(at)) return value.length === 0 && at.length === 0;
  return typeof value === "number" && Number.isNaN(value) && typeof at === "number" && Number.isNaN(at);
}

/** Throws for a value that is none of the input, where paths are asked for. */
export function checkPath(target: Out): void {
  if (!isInPlace(target)) throw new JqError(`invalid path against: ${describe(target.value)}`);
}
