/** The syntax tree of a jq filter. */
export type Filter =
  | { readonly kind: "identity" }
  | { readonly kind: "recurse" }
  | { readonly kind: "literal"; readonly value: null | boolean | bigint | number | string }
  | { readonly kind: "string"; readonly format: string; readonly parts: readonly (string | Filter)[] }
  | { readonly kind: "format"; readonly name: string }
  | (Access & { readonly kind: "index"; readonly index: Filter })
  | (Access & { readonly kind: "slice"; readonly from: Filter | undefined; readonly to: Filter | undefined })
  | (Access & { readonly kind: "iterate" })
  | { readonly kind: "array"; readonly body: Filter | undefined }
  | { readonly kind: "object"; readonly entries: readonly ObjectEntry[] }
  | { readonly kind: "signed"; readonly sign: "+" | "-"; readonly operand: Filter }
  | { readonly kind: "pipe"; readonly left: Filter; readonly right: Filter }
  | { readonly kind: "comma"; readonly left: Filter; readonly right: Filter }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Filter; readonly right: Filter }
  | { readonly kind: "assign"; readonly operator: string; readonly left: Filter; readonly right: Filter }
  | { readonly kind: "if"; readonly condition: Filter; readonly then: Filter; readonly otherwise: Filter }
  | { readonly kind: "try"; readonly body: Filter; readonly handler: Filter | undefined }
  | {
      readonly kind: "reduce";
      readonly source: Filter;
      readonly pattern: Pattern;
      readonly start: Filter;
      readonly update: Filter;
    }
  | {
      readonly kind: "foreach";
      readonly source: Filter;
      readonly pattern: Pattern;
      readonly start: Filter;
      readonly update: Filter;
      readonly extract: Filter | undefined;
    }
  | {
      readonly kind: "bind";
      readonly source: Filter;
      readonly patterns: readonly Pattern[];
      readonly body: Filter;
    }
  | { readonly kind: "def"; readonly definition: Definition; readonly body: Filter }
  | { readonly kind: "label"; readonly name: string; readonly body: Filter }
  | { readonly kind: "break"; readonly name: string }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Filter[] }
  | { readonly kind: "variable"; readonly name: string };

interface Access {
  readonly target: Filter;
}

export interface ObjectEntry {
  readonly key: Filter;
  readonly value: Filter;
}

export interface Definition {
  readonly name: string;
  /** Names; those that begin with `$` are variables. */
  readonly parameters: readonly string[];
  readonly body: Filter;
}

export type Pattern =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "array"; readonly items: readonly Pattern[] }
  | { readonly kind: "object"; readonly entries: readonly PatternEntry[] };

export interface PatternEntry {
  readonly key: Filter;
  /** `{$name: …}` binds the variable as well. */
  readonly variable: string | undefined;
  readonly value: Pattern | undefined;
}

/** All variables that patterns bind. */
export function variablesOf(pattern: Pattern): string[] {
  if (pattern.kind === "variable") return [pattern.name];
  if (pattern.kind === "array") return pattern.items.flatMap(variablesOf);
  return pattern.entries.flatMap((entry) => [
    ...(entry.variable === undefined ? [] : [entry.variable]),
    ...(entry.value === undefined ? [] : variablesOf(entry.value)),
  ]);
}

/** A string that stands for itself. */
export function literal(value: string): Filter {
  return { kind: "literal", value };
}

/** Behind an access only the access may fail, not what comes before it; what its brackets hold sees the latter. */
export function optional(term: Filter): Filter {
  if (term.kind !== "index" && term.kind !== "slice" && term.kind !== "iterate") {
    return { kind: "try", body: term, handler: undefined };
  }
  const body: Filter = { ...term, target: { kind: "identity" } };
  return { kind: "pipe", left: term.target, right: { kind: "try", body, handler: undefined } };
}
