import type { Artifact, ArtifactLocation } from "../src/template/index.ts";

/** A field of an artifact location that refers to a secret. */
export interface NamedSelector {
  /** Such as `accessKeySecret`. */
  readonly field: string;
  readonly name: string;
  readonly key: string;
}

/**
 * The secrets that artifact locations of a template refer to (docs/contract/pod.md#4.1 rule 7). Environments and
 * volumes of user containers are not looked at.
 */
export function secretNames(template: {
  readonly archiveLocation?: ArtifactLocation;
  readonly inputs?: { readonly artifacts?: readonly Artifact[] };
  readonly outputs?: { readonly artifacts?: readonly Artifact[] };
}): readonly string[] {
  const { archiveLocation, inputs, outputs } = template;
  const selectors = secretSelectors([archiveLocation, inputs?.artifacts, outputs?.artifacts]);
  return [...new Set(selectors.map(({ name }) => name))];
}

/** Every field `…Secret` with a name and a key, wherever it is. */
export function secretSelectors(value: unknown): readonly NamedSelector[] {
  if (Array.isArray(value)) return value.flatMap(secretSelectors);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    const { name, key } = (inner ?? {}) as { name?: unknown; key?: unknown };
    const isSelector = field.endsWith("Secret") && typeof name === "string" && typeof key === "string";
    return isSelector ? [{ field, name, key }] : secretSelectors(inner);
  });
}
