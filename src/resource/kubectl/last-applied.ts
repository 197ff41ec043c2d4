import { isObject, type JsonObject, memberOf, parseJson, textAt, withMember, writeJson } from "./json.ts";

/** Where `kubectl apply` keeps the manifest that it applied last. */
export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
const annotations = ["metadata", "annotations"];

/** The manifest with itself in the annotation, letter for letter as kubectl writes it. */
export function withLastApplied(manifest: JsonObject): JsonObject {
  const present = memberOf(memberOf(manifest, "metadata"), "annotations");
  const own = Object.entries(isObject(present) ? present : {}).filter(
    ([name]) => name !== lastAppliedAnnotation,
  );
  const plain = withMember(manifest, annotations, Object.fromEntries(own));
  return withMember(plain, annotations, {
    ...Object.fromEntries(own),
    [lastAppliedAnnotation]: `${writeJson(plain)}\n`,
  });
}

/** The manifest that was applied last, or undefined; what somebody else has written there counts for nothing. */
export function lastApplied(current: JsonObject): JsonObject | undefined {
  const text = textAt(current, ...annotations, lastAppliedAnnotation);
  if (text === "") return undefined;
  try {
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function hasLastApplied(object: JsonObject): boolean {
  return textAt(object, ...annotations, lastAppliedAnnotation) !== "";
}
