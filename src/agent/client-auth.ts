import { ExecutorError } from "../errors/index.ts";
import { isRecord, type Task } from "./task.ts";

/** One key of a Secret, written `NAME/KEY`. */
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

const prefix = "outrider.io/http-";
const names = {
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
export function readClientAuth({ template }: Task): ClientAuth | undefined {
  const metadata = isRecord(template.metadata) ? template.metadata : {};
  const annotations = isRecord(metadata.annotations) ? metadata.annotations : {};
  const text = (name: string) => {
    const value = annotations[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [cert, key] = together([names.cert, names.key], text).map((value) => value && secretRef(value));
  const { cert: _, key: __, scopes, ...grant } = names;
  const [tokenUrl, id, secret] = together(Object.values(grant), text);
  if (cert === undefined && tokenUrl === undefined) return undefined;
  return {
    certificate: cert && key ? { cert, key } : undefined,
    oauth2:
      tokenUrl && id && secret
        ? { tokenUrl, clientId: secretRef(id), clientSecret: secretRef(secret), scopes: text(scopes) ?? "" }
        : undefined,
  };
}

/** All of the annotations or none. */
function together(
  wanted: readonly string[],
  text: (name: string) => string | undefined,
): readonly (string | undefined)[] {
  const values = wanted.map(text);
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
