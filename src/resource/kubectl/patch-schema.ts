import { ExecutorError } from "../../errors/index.ts";
import { isList, isObject, type Json, type JsonObject, memberOf, textAt } from "./json.ts";

/** How a field is merged, and what is below it. */
export interface FieldRule {
  /** `merge`, `replace` or empty. */
  readonly strategy: string;
  /** Fields that the patch does not name are cleared. */
  readonly retainsKeys: boolean;
  /** Which member tells the elements of a list apart; empty for lists of plain values. */
  readonly mergeKey: string;
  readonly schema: PatchSchema;
}

/** The merge rules of a type: the `x-kubernetes-patch-*` extensions of the server's own OpenAPI document. */
export class PatchSchema {
  readonly #schema: Json | undefined;
  readonly #schemas: Json | undefined;

  constructor(schema: Json | undefined, schemas: Json | undefined) {
    this.#schema = schema;
    this.#schemas = schemas;
  }

  /** The rule of an object's field. Throws BadRequest where the type has no such field. */
  object(name: string): FieldRule {
    return this.#rule(name, (schema) => schema);
  }

  /** The rule of a list; `schema` is that of its elements. */
  list(name: string): FieldRule {
    return this.#rule(name, (schema) => memberOf(schema, "items") ?? schema);
  }

  #rule(name: string, below: (schema: Json) => Json): FieldRule {
    const field = memberOf(memberOf(this.#schema, "properties"), name);
    if (field === undefined)
      throw new ExecutorError("BadRequest", `unable to find api field ${JSON.stringify(name)}`);
    const strategies = textAt(field, "x-kubernetes-patch-strategy").split(",");
    return {
      strategy: strategies.find((each) => each !== "" && each !== "retainKeys") ?? "",
      retainsKeys: strategies.includes("retainKeys"),
      mergeKey: textAt(field, "x-kubernetes-patch-merge-key"),
      schema: new PatchSchema(this.#resolved(below(field)), this.#schemas),
    };
  }

  #resolved(schema: Json): Json | undefined {
    const all = memberOf(schema, "allOf");
    const only = isList(all) ? all[0] : schema;
    const reference = textAt(only, "$ref");
    return reference === ""
      ? only
      : memberOf(this.#schemas, reference.replace(/^#\/components\/schemas\//, ""));
  }
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * The merge rules of a kind in an OpenAPI v3 document of its group, or undefined where the server takes no strategic
 * merge patch for it: custom resources.
 */
export function patchSchemaOf(document: Json, type: GroupVersionKind): PatchSchema | undefined {
  const paths = memberOf(document, "paths");
  const operations = isObject(paths) ? Object.values(paths).map((path) => memberOf(path, "patch")) : [];
  const operation = operations.find((each) => isKind(memberOf(each, gvkExtension), type));
  const content = memberOf(memberOf(operation, "requestBody"), "content");
  if (memberOf(content, "application/strategic-merge-patch+json") === undefined) return undefined;
  const schemas = memberOf(memberOf(document, "components"), "schemas");
  if (!isObject(schemas)) return undefined;
  const schema = Object.values(schemas).find((each) => {
    const kinds = memberOf(each, gvkExtension);
    return isList(kinds) && kinds.some((kind) => isKind(kind, type));
  });
  return schema === undefined ? undefined : new PatchSchema(schema as JsonObject, schemas);
}

const gvkExtension = "x-kubernetes-group-version-kind";

function isKind(value: Json | undefined, { group, version, kind }: GroupVersionKind): boolean {
  return (
    textAt(value, "group") === group && textAt(value, "version") === version && textAt(value, "kind") === kind
  );
}
