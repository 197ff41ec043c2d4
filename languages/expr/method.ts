/** What a method of the language is. */
import type { Signature } from "./types.ts";
import type { Value } from "./values.ts";

/** A method of values of class T; arguments have been checked against the signature. */
export interface Method<T> extends Signature {
  readonly call: (receiver: T, args: readonly Value[]) => Value;
}

export type Methods<T> = ReadonlyMap<string, Method<T>>;
