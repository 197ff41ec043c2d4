import { ExecutorError } from "../errors/index.ts";
import { checkShape, type Shape, type ValueOf } from "../template/index.ts";
import type { Task } from "./tasks.ts";

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

/** The fields of a template that the agent reads (docs/contract/roles.md#1.8); a null counts as absent. */
const templateShape = {
  fields: {
    http: {
      fields: {
        method: "text",
        url: "text",
        headers: {
          listOf: {
            fields: {
              name: "text",
              value: "text",
              valueFrom: { fields: { secretKeyRef: { fields: { name: "text", key: "text" } } } },
            },
          },
        },
        timeoutSeconds: "number",
        body: "text",
        bodyFrom: { fields: { bytes: "text" } },
        successCondition: "text",
        insecureSkipVerify: "flag",
      },
    },
    metadata: { fields: { annotations: { mapOf: "text" } } },
  },
  required: ["http"],
} as const satisfies Shape;

type CheckedTemplate = ValueOf<typeof templateShape>;

/** Throws BadRequest naming the field that is not what the definition says. */
export function readHttpTemplate(template: Task["template"]): HttpTemplate {
  checkShape(template, templateShape, "the template");
  const { http, metadata } = template as CheckedTemplate;
  return {
    method: http.method ?? "",
    url: http.url ?? "",
    headers: (http.headers ?? []).map(readHeader),
    timeoutSeconds: http.timeoutSeconds ?? undefined,
    body: http.body ?? "",
    // bodyFrom without bytes is an empty body (docs/contract/roles.md#D-10).
    bodyBytes: http.bodyFrom ? base64(http.bodyFrom.bytes ?? "") : undefined,
    successCondition: http.successCondition ?? "",
    insecureSkipVerify: http.insecureSkipVerify === true,
    auth: readClientAuth(metadata?.annotations ?? {}),
  };
}

function readHeader({
  name,
  value,
  valueFrom,
}: NonNullable<CheckedTemplate["http"]["headers"]>[number]): HttpTemplateHeader {
  const secret = valueFrom?.secretKeyRef;
  return {
    name: name ?? "",
    value: value ?? "",
    secret: secret ? { name: secret.name ?? "", key: secret.key ?? "" } : undefined,
  };
}

/** Node decodes whatever it can; a body that is cut off or mistyped must not be sent. */
function base64(text: string): Buffer {
  const encoded = text.replace(/[\r\n]/g, "");
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") === encoded) return bytes;
  throw new ExecutorError("BadRequest", "the template: http.bodyFrom.bytes must be base64 with padding");
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
function readClientAuth(annotations: Readonly<Record<string, string>>): ClientAuth | undefined {
  const annotation = (name: string) => annotations[name] || undefined;
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
