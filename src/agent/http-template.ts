import { ExecutorError } from "../errors/index.ts";
import { isRecord, type Task } from "./tasks.ts";

/** The `http` part of a template, checked (docs/contract/roles.md#1.8), with what its annotations add. */
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
  readonly auth: ClientAuth | undefined;
}

export interface HttpTemplateHeader {
  readonly name: string;
  readonly value: string;
  readonly secret: SecretRef | undefined;
}

/** One key of a Secret. */
export interface SecretRef {
  readonly name: string;
  readonly key: string;
}

/** How a template's requests prove who sends them, beyond what the reference knows. */
export interface ClientAuth {
  /** A client certificate and its key, in PEM. */
  readonly certificate: { readonly cert: SecretRef; readonly key: SecretRef } | undefined;
  /** The client-credentials grant (RFC 6749 section 4.4). */
  readonly oauth2:
    | {
        readonly tokenUrl: string;
        readonly clientId: SecretRef;
        readonly clientSecret: SecretRef;
        readonly scopes: string;
      }
    | undefined;
}

/** Throws BadRequest naming the field that is not what the definition says. */
export function readHttpTemplate({ http: value, metadata }: Task["template"]): HttpTemplate {
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
    auth: readClientAuth(metadata),
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

const prefix = "outrider.io/http-";
const annotationNames = {
  cert: `${prefix}client-cert`,
  key: `${prefix}client-key`,
  tokenUrl: `${prefix}oauth2-token-url`,
  clientId: `${prefix}oauth2-client-id`,
  clientSecret: `${prefix}oauth2-client-secret`,
  scopes: `${prefix}oauth2-scopes`,
} as const;

/**
 * Reads the annotations of the template's own `metadata`, which every release of Argo accepts and passes on; releases
 * of the reference ignore them. Throws BadRequest where one of a pair is missing.
 */
function readClientAuth(metadata: unknown): ClientAuth | undefined {
  const annotations = isRecord(metadata) && isRecord(metadata.annotations) ? metadata.annotations : {};
  const annotation = (name: string) => {
    const value = annotations[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [cert, key] = together([annotationNames.cert, annotationNames.key], annotation).map(
    (value) => value && secretRef(value),
  );
  const { cert: _, key: __, scopes, ...grant } = annotationNames;
  const [tokenUrl, id, secret] = together(Object.values(grant), annotation);
  if (cert === undefined && tokenUrl === undefined) return undefined;
  return {
    certificate: cert && key ? { cert, key } : undefined,
    oauth2:
      tokenUrl && id && secret
        ? {
            tokenUrl,
            clientId: secretRef(id),
            clientSecret: secretRef(secret),
            scopes: annotation(scopes) ?? "",
          }
        : undefined,
  };
}

/** All of the annotations or none. */
function together(
  wanted: readonly string[],
  annotation: (name: string) => string | undefined,
): readonly (string | undefined)[] {
  const values = wanted.map(annotation);
  const missing = wanted.filter((_, index) => values[index] === undefined);
  if (missing.length === 0 || missing.length === wanted.length) return values;
  throw new ExecutorError(
    "BadRequest",
    `the template's annotation ${missing.join(", ")} is missing; ${wanted.join(", ")} go together`,
  );
}

function secretRef(text: string): SecretRef {
  const [, name, key] = /^([-.a-z0-9]+)\/([-._a-zA-Z0-9]+)$/.exec(text) ?? [];
  if (name !== undefined && key !== undefined) return { name, key };
  throw new ExecutorError(
    "BadRequest",
    `a secret in an annotation is written NAME/KEY, not ${JSON.stringify(text)}`,
  );
}
