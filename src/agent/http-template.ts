import { ExecutorError } from "../errors/index.ts";
import { isRecord } from "./task.ts";

/** The `http` part of a template, checked (docs/contract/roles.md#1.8). */
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
    method: text(value, "http.method"),
    url: text(value, "http.url"),
    headers: ((headers ?? []) as unknown[]).map(readHeader),
    timeoutSeconds: optionalNumber(value, "http.timeoutSeconds"),
    body: text(value, "http.body"),
    // bodyFrom without bytes is an empty body (docs/contract/roles.md#D-10).
    bodyBytes: isRecord(bodyFrom) ? base64(bodyFrom, "http.bodyFrom.bytes") : undefined,
    successCondition: text(value, "http.successCondition"),
    insecureSkipVerify: value.insecureSkipVerify === true,
  };
}

function readHeader(value: unknown, index: number): HttpTemplateHeader {
  const place = `http.headers[${index}]`;
  if (!isRecord(value)) throw wrongType(place, "an object");
  const source = isRecord(value.valueFrom) ? value.valueFrom.secretKeyRef : undefined;
  const reference = `${place}.valueFrom.secretKeyRef`;
  return {
    name: text(value, `${place}.name`),
    value: text(value, `${place}.value`),
    secret: isRecord(source)
      ? { name: text(source, `${reference}.name`), key: text(source, `${reference}.key`) }
      : undefined,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** @param place where the field is in the template; its name comes last */
function text(from: Fields, place: string): string {
  const value = field(from, place) ?? "";
  if (typeof value === "string") return value;
  throw wrongType(place, "text");
}

function optionalNumber(from: Fields, place: string): number | undefined {
  const value = field(from, place);
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrongType(place, "a number");
}

/** Node decodes whatever it can; a body that is cut off or mistyped must not be sent. */
function base64(from: Fields, place: string): Buffer {
  const encoded = text(from, place).replace(/[\r\n]/g, "");
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") === encoded) return bytes;
  throw wrongType(place, "base64 with padding");
}

function field(from: Fields, place: string): unknown {
  return from[place.slice(place.lastIndexOf(".") + 1)];
}

function wrongType(name: string, type: string): ExecutorError {
  return new ExecutorError("BadRequest", `${name} of the template must be ${type}`);
}
