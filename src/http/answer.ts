import type { IncomingHttpHeaders } from "node:http";
import { ExecutorError } from "../errors/index.ts";

/** An answer that has arrived whole. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  /** Names in lower case; of a name that comes twice the last one counts. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** True where another request may follow on the connection. */
  readonly keepsConnection: boolean;
}

interface Body {
  readonly bytes: Buffer;
  readonly end: number;
}

/**
 * Reads the answer to a request (RFC 9112; not to HEAD) from all the bytes that have come. Undefined: there is more to
 * come, which for an answer without a length is the case until the connection `isEnded`. Throws Transient for what is no
 * answer, and for bytes behind its end.
 */
export function decodeAnswer(bytes: Buffer, isEnded: boolean): Answer | undefined {
  for (let start = 0; ; ) {
    const end = bytes.indexOf("\r\n\r\n", start, "latin1");
    if (end === -1) return undefined;
    const head = bytes.toString("latin1", start, end);
    const [, minor, code = "", statusText = ""] = /^HTTP\/1\.([01]) (\d{3}) ?([^\r\n]*)/.exec(head) ?? [];
    if (minor === undefined) throw malformed();
    const status = Number(code);
    start = end + 4;
    // Interim answers (100, 103) announce the one that counts.
    if (status < 200) continue;
    const headers = decodeFields(head);
    const body = decodeBody(bytes, start, status, headers, isEnded);
    if (body === undefined) return undefined;
    if (body.end !== bytes.length) throw malformed();
    const wish = headers.connection?.toLowerCase();
    const keepsConnection = !isEnded && (minor === "1" ? wish !== "close" : wish === "keep-alive");
    return { status, statusText, headers, body: body.bytes, keepsConnection };
  }
}

function decodeFields(head: string): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (let at = head.indexOf("\r\n"); at !== -1; ) {
    const next = head.indexOf("\r\n", at + 2);
    const line = head.slice(at + 2, next === -1 ? undefined : next);
    const colon = line.indexOf(":");
    if (colon < 1) throw malformed();
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    at = next;
  }
  return headers;
}

function decodeBody(
  bytes: Buffer,
  start: number,
  status: number,
  headers: IncomingHttpHeaders,
  isEnded: boolean,
): Body | undefined {
  if (status === 204 || status === 304) return { bytes: bytes.subarray(start, start), end: start };
  if (headers["transfer-encoding"] !== undefined) return decodeChunks(bytes, start);
  const announced = headers["content-length"];
  if (announced === undefined) {
    return isEnded ? { bytes: bytes.subarray(start), end: bytes.length } : undefined;
  }
  if (!/^\d+$/.test(announced)) throw malformed();
  const end = start + Number(announced);
  return end > bytes.length ? undefined : { bytes: bytes.subarray(start, end), end };
}

/** RFC 9112 section 7.1; extensions and trailers mean nothing to us. */
function decodeChunks(bytes: Buffer, start: number): Body | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at, "latin1");
    if (lineEnd === -1) return undefined;
    const size = /^([0-9a-f]{1,8})[ \t]*(;|$)/i.exec(bytes.toString("latin1", at, lineEnd))?.[1];
    if (size === undefined) throw malformed();
    const length = Number.parseInt(size, 16);
    if (length === 0) {
      // The line's end is the beginning of the empty line where there are no trailers.
      const end = bytes.indexOf("\r\n\r\n", lineEnd, "latin1");
      return end === -1 ? undefined : { bytes: Buffer.concat(chunks), end: end + 4 };
    }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
    if (at > bytes.length) return undefined;
  }
}

function malformed(): ExecutorError {
  return new ExecutorError("Transient", "malformed HTTP response");
}
