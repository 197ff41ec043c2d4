import { isList, isObject, isSame, type Json, type JsonObject, memberOf, objectOf, textAt } from "./json.ts";
import { lastAppliedAnnotation } from "./last-applied.ts";

/** An entry of `metadata.managedFields` (Kubernetes "Field management"). */
function entriesOf(object: JsonObject): readonly Json[] {
  const entries = memberOf(memberOf(object, "metadata"), "managedFields");
  return isList(entries) ? entries : [];
}

function holdsAnnotation(entry: Json): boolean {
  const path = ["fieldsV1", "f:metadata", "f:annotations", `f:${lastAppliedAnnotation}`];
  return path.reduce<Json | undefined>(memberOf, entry) !== undefined;
}

/** Whether some manager owns the annotation of client-side apply by the given operation. */
export function ownsAnnotation(object: JsonObject, operation: "Apply" | "Update"): boolean {
  return entriesOf(object).some(
    (entry) => textAt(entry, "operation") === operation && holdsAnnotation(entry),
  );
}

/**
 * The managed fields with what client-side apply owned given to `manager` (client-go's csaupgrade), or undefined where
 * there is nothing to give.
 */
export function managedFieldsUpgrade(object: JsonObject, manager: string): readonly Json[] | undefined {
  const before = entriesOf(object);
  const names = new Set(before.filter((entry) => isUpdate(entry) && holdsAnnotation(entry)).map(nameOf));
  const after = [...names].reduce((entries, name) => given(entries, name, manager), before);
  return isSame(before, after) ? undefined : after;
}

function given(entries: readonly Json[], from: string, to: string): readonly Json[] {
  const isFrom = (entry: Json) => nameOf(entry) === from && isUpdate(entry);
  const own = entries.findIndex(
    (entry) => nameOf(entry) === to && textAt(entry, "operation") === "Apply" && isMain(entry),
  );
  const at = own >= 0 ? own : entries.findIndex(isFrom);
  const target = entries[at];
  if (!isObject(target)) return entries;
  const same = entries.find(
    (entry) => isFrom(entry) && textAt(entry, "apiVersion") === textAt(target, "apiVersion"),
  );
  const fields = united(memberOf(target, "fieldsV1"), memberOf(same, "fieldsV1"));
  const taken: JsonObject = {
    ...target,
    manager: to,
    operation: "Apply",
    ...(fields ? { fieldsV1: fields } : {}),
  };
  return entries.map((entry, index) => (index === at ? taken : entry)).filter((entry) => !isFrom(entry));
}

/** Sets of fields are trees of names. */
function united(a: Json | undefined, b: Json | undefined): Json | undefined {
  if (!isObject(a) || !isObject(b)) return a ?? b;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return objectOf(names.map((name) => [name, united(memberOf(a, name), memberOf(b, name)) ?? {}] as const));
}

function nameOf(entry: Json): string {
  return textAt(entry, "manager");
}

function isUpdate(entry: Json): boolean {
  return textAt(entry, "operation") === "Update" && isMain(entry);
}

function isMain(entry: Json): boolean {
  return textAt(entry, "subresource") === "";
}
