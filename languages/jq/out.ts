/** Values on their way through a filter. */
import { describe, JqError, type JqValue } from "./values.ts";

/** A value on its way through a filter. */
export interface Out {
  readonly value: JqValue;
  /** Undefined: nobody asks. Null: the value does not lie in the input. */
  readonly path: readonly JqValue[] | null | undefined;
}

export type Outs = Generator<Out, void, undefined>;

/** A value that was computed. */
export function computed(value: JqValue, input: Out): Out {
  return { value, path: input.path === undefined ? undefined : null };
}

/** What lies under a key of the input. */
export function below(key: JqValue, value: JqValue, input: Out): Out {
  return { value, path: input.path && [...input.path, key] };
}

/** What an access reads under a key. */
export function access(key: JqValue, target: Out, read: () => JqValue): Out {
  checkPath(target);
  return below(key, read(), target);
}

/** A place in a value that does not lie in the input is no path. */
export function checkPath(target: Out): void {
  if (target.path === null) throw new JqError(`invalid path against: ${describe(target.value)}`);
}
