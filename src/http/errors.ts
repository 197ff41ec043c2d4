import { type ErrorCode, ExecutorError } from "../errors/index.ts";

type Translation = readonly [ErrorCode, (detail: NetworkDetail) => string];

interface NetworkDetail {
  readonly address: string;
  readonly host: string;
  readonly text: string;
}

/**
 * The words are those that users of Argo know from Go's network stack: `retryStrategy.expression` and
 * TRANSIENT_ERROR_PATTERN of existing workflows match them (contract artifacts.md 3.3).
 */
const translations: Readonly<Record<string, Translation>> = {
  ECONNREFUSED: ["Transient", ({ address }) => `dial tcp ${address}: connect: connection refused`],
  ECONNRESET: ["Transient", () => "read: connection reset by peer"],
  ECONNABORTED: ["Transient", () => "read: connection reset by peer"],
  EPIPE: ["Transient", () => "write: broken pipe"],
  ETIMEDOUT: ["Transient", ({ text }) => (/i\/o timeout/.test(text) ? text : `i/o timeout (${text})`)],
  EHOSTUNREACH: ["Transient", ({ address }) => `dial tcp ${address}: connect: no route to host`],
  ENETUNREACH: ["Transient", ({ address }) => `dial tcp ${address}: connect: network is unreachable`],
  ENOTFOUND: ["Transient", ({ host }) => `dial tcp: lookup ${host}: no such host`],
  EAI_AGAIN: ["Transient", ({ host }) => `dial tcp: lookup ${host}: Temporary failure in name resolution`],
  ERR_STREAM_PREMATURE_CLOSE: ["Transient", () => "unexpected EOF"],
  HPE_INVALID_CONSTANT: ["Transient", () => "malformed HTTP response"],
  HPE_HEADER_OVERFLOW: ["TooLarge", () => "the headers of the answer are larger than 1 MiB"],
  ERR_PROXY_TUNNEL: ["Transient", ({ text }) => `the proxy refuses the connection: ${text}`],
};

const tlsRemedy =
  "add the issuing CA with the location's caSecret where it has one, or with SSL_CERT_FILE on the executor";

/** Translates what Node's sockets, resolver and TLS report. `during` names the request; secrets never are in it. */
export function translateNetworkError(error: unknown, during: string): ExecutorError {
  if (error instanceof ExecutorError) return error;
  if (error instanceof Error && error.name === "AbortError") {
    return new ExecutorError("Cancelled", `${during}: told to stop`, { cause: error });
  }
  const { code = "", message, ...rest } = error as NodeJS.ErrnoException & NetworkFields;
  const detail: NetworkDetail = {
    address: rest.address === undefined ? (rest.host ?? "") : `${rest.address}:${rest.port ?? ""}`,
    host: rest.hostname ?? "",
    text: message || code,
  };
  // Several addresses were tried (RFC 8305): the first failure speaks for all.
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  if (first !== undefined) return translateNetworkError(first, during);
  const translation = translations[code];
  if (translation !== undefined) {
    return new ExecutorError(translation[0], `${during}: ${translation[1](detail)}`, { cause: error });
  }
  if (isCertificateCode(code)) {
    const text = `${during}: tls: failed to verify certificate: x509: ${detail.text}; ${tlsRemedy}`;
    return new ExecutorError("BadRequest", text, { cause: error });
  }
  if (/wrong version number|EPROTO/.test(`${code} ${detail.text}`)) {
    const text = `${during}: http: server gave HTTP response to HTTPS client; set insecure: true if the store speaks plain http`;
    return new ExecutorError("BadRequest", text, { cause: error });
  }
  if (code.startsWith("ERR_INVALID") || code.startsWith("ERR_HTTP") || code.startsWith("ERR_UNESCAPED")) {
    return new ExecutorError("BadRequest", `${during}: ${detail.text}`, { cause: error });
  }
  // A socket error without a name of its own is a socket error still (contract artifacts.md 3.3, first line).
  return new ExecutorError("Transient", `${during}: ${detail.text || "unexpected EOF"}`, { cause: error });
}

interface NetworkFields {
  readonly address?: string;
  readonly port?: number;
  readonly host?: string;
  readonly hostname?: string;
}

function isCertificateCode(code: string): boolean {
  return /CERT|^UNABLE_TO_|SELF_SIGNED|ERR_TLS_|HOSTNAME_MISMATCH/.test(code);
}
