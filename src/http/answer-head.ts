import type { IncomingHttpHeaders } from "node:http";
import { malformed } from "./errors.ts";
import { lowerCaseOf } from "./field-names.ts";

/** How an answer's body ends (RFC 9112 section 6.3). */
export type Framing =
  | { readonly kind: "length"; readonly sizeBytes: number }
  | { readonly kind: "chunks" }
  /** With the connection. */
  | { readonly kind: "close" };

/** Status and fields of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly statusText: string;
  /** Names in lower case; the values of a name that comes several times are joined, but for Set-Cookie. */
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value as they came. */
  readonly rawHeaders: readonly string[];
  readonly framing: Framing;
  /** The server will take another request on this connection. */
  readonly keepsConnection: boolean;
}

export interface StatusLine {
  readonly minor: "0" | "1";
  readonly status: number;
  readonly statusText: string;
}

const nothing: Framing = { kind: "length", sizeBytes: 0 };
/** Two of them would let sender and receiver disagree about where things end, or what was stored. */
const onlyOnce = new Set(["content-length", "transfer-encoding", "content-range", "etag", "location"]);

export function parseStatusLine(line: string): StatusLine {
  const [, minor, code, statusText = ""] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/.exec(line) ?? [];
  if (minor === undefined) throw malformed("it does not begin with a status line of HTTP/1.1");
  return { minor: minor === "1" ? "1" : "0", status: Number(code), statusText };
}

/** Adds one line of a head. Throws for what is no field: folded lines, blanks before the colon, other characters. */
export function parseField(line: string, into: string[]): void {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  if (colon < 1 || lowerCaseOf(name) === undefined) throw malformed("a line of its head is no field");
  into.push(name, line.slice(colon + 1).trim());
}

/** Makes a head of its lines, and decides how the body ends. `method` is that of the request. */
export function assembleHead(line: StatusLine, rawHeaders: readonly string[], method: string): AnswerHead {
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] ?? "";
    const name = lowerCaseOf(given) ?? given.toLowerCase();
    const value = rawHeaders[at + 1] ?? "";
    const known = headers[name];
    if (known === undefined) headers[name] = name === "set-cookie" ? [value] : value;
    else if (typeof known !== "string") known.push(value);
    else if (onlyOnce.has(name)) throw malformed(`it has several ${name} fields`);
    else headers[name] = `${known}, ${value}`;
  }
  const { minor, status, statusText } = line;
  const wishes = String(headers.connection ?? "").toLowerCase();
  const framing = framingOf(line, headers as IncomingHttpHeaders, method);
  const isKept = minor === "1" ? !/\bclose\b/.test(wishes) : /\bkeep-alive\b/.test(wishes);
  const keepsConnection = isKept && framing.kind !== "close";
  return { status, statusText, headers, rawHeaders, framing, keepsConnection };
}

function framingOf({ minor, status }: StatusLine, headers: IncomingHttpHeaders, method: string): Framing {
  const coding = headers["transfer-encoding"];
  const length = headers["content-length"];
  if (coding !== undefined) {
    if (length !== undefined) throw malformed("it has a Content-Length and a Transfer-Encoding");
    if (minor === "0" || coding.toLowerCase() !== "chunked") {
      throw malformed("its Transfer-Encoding is not chunked, and nothing else was asked for");
    }
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw malformed("its Content-Length is no number");
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return nothing;
  if (coding !== undefined) return { kind: "chunks" };
  return length === undefined ? { kind: "close" } : { kind: "length", sizeBytes: Number(length) };
}
