/** The parts of a kubectl jsonpath template (docs/contract/expressions.md#4.1). */

/** A bound of a slice; undefined when it was left out. */
export interface ArrayRange {
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly step: number | undefined;
  /** `[n]`: the end follows from the start. */
  readonly isSingle: boolean;
}

export type Part =
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "literal"; readonly value: bigint | number | boolean }
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "wildcard" }
  | { readonly kind: "recursive" }
  | { readonly kind: "identifier"; readonly name: string }
  | { readonly kind: "array"; readonly range: ArrayRange }
  | { readonly kind: "union"; readonly alternatives: readonly (readonly Part[])[] }
  | {
      readonly kind: "filter";
      readonly left: readonly Part[];
      /** `exists` when there is no comparison. */
      readonly operator: string;
      readonly right: readonly Part[];
    };

/** Literal text, or the parts of an action. */
export type TemplateNode = string | readonly Part[];
