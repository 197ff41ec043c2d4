import { ExecutorError } from "../errors/index.ts";

/**
 * What a value of a document has to be. Null counts as absent, as it does for the controller; fields that are not
 * listed may be anything.
 */
export type Shape =
  | "text"
  | "number"
  | "flag"
  /** Argo's AnyString, and Kubernetes' int-or-string. */
  | "scalar"
  | "object"
  /** Passed on as it is. */
  | "any"
  | { readonly listOf: Shape }
  | { readonly mapOf: Shape }
  | { readonly fields: Readonly<Record<string, Shape>>; readonly required?: readonly string[] };

interface Forms {
  readonly text: string;
  readonly number: number;
  readonly flag: boolean;
  readonly scalar: AnyString;
  readonly object: Readonly<Record<string, unknown>>;
  readonly any: unknown;
}

/** The type of what passes the check of a shape that was declared `as const satisfies Shape`. */
export type ValueOf<S> = S extends keyof Forms
  ? Forms[S]
  : S extends { readonly listOf: infer Item }
    ? readonly ValueOf<Item>[]
    : S extends { readonly mapOf: infer Item }
      ? Readonly<Record<string, ValueOf<Item>>>
      : S extends { readonly fields: infer Fields; readonly required: readonly (infer Name)[] }
        ? {
            readonly [Field in keyof Fields as Field extends Name ? Field : never]: ValueOf<Fields[Field]>;
          } & {
            readonly [Field in keyof Fields as Field extends Name ? never : Field]?: ValueOf<Fields[Field]>;
          }
        : S extends { readonly fields: infer Fields }
          ? { readonly [Field in keyof Fields]?: ValueOf<Fields[Field]> }
          : never;

/** Argo's AnyString: accepts numbers and booleans, and is always emitted as a string. */
export type AnyString = string | number | boolean;

const forms = {
  text: "text",
  number: "a number",
  flag: "true or false",
  scalar: "text or a number",
  object: "an object",
  any: "anything",
} as const;

/**
 * Throws BadRequest for the first value that has the wrong form: it names the place (`outputs.artifacts[0].path`), the
 * accepted form and what is there instead, but never the value, which may be a secret.
 */
export function checkShape(value: unknown, shape: Shape, source: string, place = ""): void {
  if (value === undefined || (value === null && !place.endsWith("]"))) return;
  const wrong = (form: string) =>
    new ExecutorError(
      "BadRequest",
      `${source}: ${place || "the document"} must be ${form}, not ${kindOf(value)}`,
    );
  if (typeof shape === "string") {
    if (!hasForm(value, shape)) throw wrong(shape === "text" ? `text${quoted(value)}` : forms[shape]);
  } else if ("listOf" in shape) {
    if (!Array.isArray(value)) throw wrong("a list");
    for (const [index, item] of value.entries()) {
      checkShape(item, shape.listOf, source, `${place}[${index}]`);
    }
  } else {
    if (!isObject(value)) throw wrong("an object");
    checkFields(value, shape, source, place);
  }
}

function checkFields(
  value: Readonly<Record<string, unknown>>,
  shape: Extract<Shape, object>,
  source: string,
  place: string,
): void {
  const at = (field: string) => (place === "" ? field : `${place}.${field}`);
  if ("mapOf" in shape) {
    for (const [field, item] of Object.entries(value)) checkShape(item, shape.mapOf, source, at(field));
  } else if ("fields" in shape) {
    for (const field of shape.required ?? []) {
      if (value[field] !== undefined && value[field] !== null && value[field] !== "") continue;
      throw new ExecutorError("BadRequest", `${source}: ${at(field)} is missing`);
    }
    for (const [field, its] of Object.entries(shape.fields)) checkShape(value[field], its, source, at(field));
  }
}

function hasForm(value: unknown, shape: Extract<Shape, string>): boolean {
  switch (shape) {
    case "text":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "flag":
      return typeof value === "boolean";
    case "scalar":
      return ["string", "number", "boolean"].includes(typeof value);
    case "object":
      return isObject(value);
    case "any":
      return true;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "string":
      return "text";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    default:
      return "an object";
  }
}

/** YAML reads an unquoted 5 or yes as something else than text. */
function quoted(value: unknown): string {
  return ["number", "boolean"].includes(typeof value) ? " (put it in quotes)" : "";
}
