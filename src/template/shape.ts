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
  | { readonly listOf: Shape }
  | { readonly mapOf: Shape }
  | { readonly fields: Readonly<Record<string, Shape>>; readonly required?: readonly string[] };

const forms = {
  text: "text",
  number: "a number",
  flag: "true or false",
  scalar: "text or a number",
  object: "an object",
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
