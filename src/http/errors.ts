import { type ErrorCode, type ErrorReason, ExecutorError } from "../errors/index.ts";

type Translation = readonly [ErrorCode, (detail: NetworkDetail) => string, ErrorReason?];

interface NetworkDetail {
  readonly address: string;
  readonly host: string;
  readonly text: string;
}

/**
 * The words are those that users of Argo know from Go's network stack: `retryStrategy.expression` and
 * TRANSIENT_ERROR_PATTERN of existing workflows match them (docs/contract/artifacts.md#3.3).
 */
const translations: Readonly<Record<string, Translation>> = {
  ECONNREFUSED: ["Transient", ({ address }) => `dial tcp ${address}: connect: connection refused`, "Refused"],
  ECONNRESET: ["Transient", () => "read: connection reset by peer"],
  ECONNABORTED: ["Transient", () => "read: connection reset by peer"],
  EPIPE: ["Transient", () => "write: broken pipe"],
  ETIMEDOUT: ["Transient", ({ text }) => `i/o timeout (${text})`],
  ERR_DIAL_TIMEOUT: ["Transient", ({ text }) => text, "Unreachable"],
  ERR_SILENCE: ["Transient", ({ text }) => text],
  EHOSTUNREACH: [
    "Transient",
    ({ address }) => `dial tcp ${address}: connect: no route to host`,
    "Unreachable",
  ],
  ENETUNREACH: [
    "Transient",
    ({ address }) => `dial tcp ${address}: connect: network is unreachable`,
    "Unreachable",
  ],
  ENOTFOUND: ["Transient", ({ host }) => `dial tcp: lookup ${host}: no such host`, "Unreachable"],
  EAI_AGAIN: [
    "Transient",
    ({ host }) => `dial tcp: lookup ${host}: Temporary failure in name resolution`,
    "Unreachable",
  ],
  ERR_STREAM_PREMATURE_CLOSE: ["Transient", () => "unexpected EOF"],
  ERR_ANSWER_MALFORMED: ["Transient", ({ text }) => `malformed HTTP response: ${text}`, "NoHttp"],
  ERR_ANSWER_HEAD: ["TooLarge", () => "the headers of the answer are larger than 1 MiB"],
};

/** Translates what Node's sockets, resolver and TLS report. `during` names the request; secrets never are in it. */
export function translateNetworkError(error: unknown, during: string): ExecutorError {
  if (error instanceof ExecutorError) return error;
  if (error instanceof Error && error.name === "AbortError") {
    return new ExecutorError("Cancelled", `${during}: told to stop`, { cause: error });
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new ExecutorError("Timeout", `${during}: ${error.message}`, { cause: error });
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
    const [meaning, textOf, reason] = translation;
    return new ExecutorError(meaning, `${during}: ${textOf(detail)}`, { cause: error, reason });
  }
  if (isCertificateCode(code)) {
    const text = `${during}: tls: failed to verify certificate: x509: ${detail.text}`;
    return new ExecutorError("BadRequest", text, { cause: error, reason: "Untrusted" });
  }
  const handshake = `${code} ${detail.text}`;
  // OpenSSL gives a write that met the alert no code but EPROTO.
  if (/no application protocol/i.test(handshake)) {
    const text = `${during}: tls: the server speaks none of the protocols that were offered`;
    return new ExecutorError("Unsupported", text, { cause: error, reason: "NoProtocol" });
  }
  if (/wrong version number/i.test(handshake)) {
    const text = `${during}: http: server gave HTTP response to HTTPS client`;
    return new ExecutorError("BadRequest", text, { cause: error, reason: "PlainHttp" });
  }
  if (code === "EPROTO") {
    return new ExecutorError("BadRequest", `${during}: tls: ${detail.text.trim()}`, { cause: error });
  }
  // A socket error without a name of its own is a socket error still (docs/contract/artifacts.md#3.3, first line).
  return new ExecutorError("Transient", `${during}: ${detail.text || "unexpected EOF"}`, { cause: error });
}

interface NetworkFields {
  readonly address?: string;
  readonly port?: number;
  readonly host?: string;
  readonly hostname?: string;
}

/** What is no answer by the rules of RFC 9112; `why` goes on "the answer …". */
export function malformed(why: string): Error {
  return Object.assign(new Error(why), { code: "ERR_ANSWER_MALFORMED" });
}

export function headTooLarge(): Error {
  return Object.assign(new Error("the head of the answer does not end"), { code: "ERR_ANSWER_HEAD" });
}

export function unexpectedEnd(): Error {
  return Object.assign(new Error("unexpected EOF"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
}

export function dialTimeout({ host, port }: { readonly host: string; readonly port: number }): Error {
  return Object.assign(new Error(`dial tcp ${host}:${port}: i/o timeout`), { code: "ERR_DIAL_TIMEOUT" });
}

export function silence(): Error {
  return Object.assign(new Error("i/o timeout: the server says nothing"), { code: "ERR_SILENCE" });
}

function isCertificateCode(code: string): boolean {
  return /CERT|^UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_|HOSTNAME_MISMATCH/.test(code);
}
