import { ExecutorError } from "../errors/index.ts";
import { isRecord } from "./task.ts";

/** The `http` part of a template, checked (contract roles.md 1.8). */
export interface HttpTemplate {
  /** As written; empty means GET. */
  readonly method: string;
  readonly url: string;
  readonly headers: readonly HttpTemplateHeader[];
  /** Undefined: the default applies. */
  readonly timeoutSeconds: number | undefined;
  readonly body: string;
  /** The bytes of `bodyFrom`; they take precedence over `body`. */
  readonly bodyBytes: Buffer | undefined;
  readonly successCondition: string;
  readonly insecureSkipVerify: boolean;
}

export interface HttpTemplateHeader {
  readonly name: string;
  readonly value: string;
  readonly secret: { readonly name: string; readonly key: string } | undefined;
}

/** Throws BadRequest naming the field that is not what the definition says. */
export function readHttpTemplate(value: unknown): HttpTemplate {
  if (!isRecord(value)) throw wrongType("http", "an object");
  const { bodyFrom, headers = [] } = value;
  if (bodyFrom !== undefined && bodyFrom !== null && !isRecord(bodyFrom))
    throw wrongType("http.bodyFrom", "an object");
  if (headers !== null && !Array.isArray(headers)) throw wrongType("http.headers", "a list");
  return {
    method: text(value, "method"),
    url: text(value, "url"),
    headers: ((headers ?? []) as unknown[]).map(readHeader),
    timeoutSeconds: optionalNumber(value, "timeoutSeconds"),
    body: text(value, "body"),
    // bodyFrom without bytes is an empty body (contract roles.md D-10).
    bodyBytes: isRecord(bodyFrom) ? Buffer.from(text(bodyFrom, "bytes"), "base64") : undefined,
    successCondition: text(value, "successCondition"),
    insecureSkipVerify: value.insecureSkipVerify === true,
  };
}

function readHeader(value: unknown, index: number): HttpTemplateHeader {
  if (!isRecord(value)) throw wrongType(`http.headers[${index}]`, "an object");
  const source = isRecord(value.valueFrom) ? value.valueFrom.secretKeyRef : undefined;
  return {
    name: text(value, "name"),
    value: text(value, "value"),
    secret: isRecord(source) ? { name: text(source, "name"), key: text(source, "key") } : undefined,
  };
}

function text(from: Readonly<Record<string, unknown>>, name: string): string {
  const value = from[name] ?? "";
  if (typeof value === "string") return value;
  throw wrongType(`http.${name}`, "text");
}

function optionalNumber(from: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrongType(`http.${name}`, "a number");
}

function wrongType(name: string, type: string): ExecutorError {
  return new ExecutorError("BadRequest", `${name} of the template must be ${type}`);
}
