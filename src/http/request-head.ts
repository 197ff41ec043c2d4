import { ExecutorError } from "../errors/index.ts";
import { lowerCaseOf } from "./field-names.ts";

export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What a request looks like to the one who writes it on the wire. */
export interface RequestLine {
  readonly method: string;
  /** As it goes on the wire: a path with its query, or all of the URL for a proxy. */
  readonly target: string;
  /** For `Host`, where the headers have none. */
  readonly authority: string;
  readonly headers: RequestHeaders;
  /** Fields that come from us: length and connection. Not sent where the headers have them. */
  readonly own: Readonly<Record<string, string>>;
}

const badTarget = /[^\x21-\x7e]/;
const badValue = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The head of a request, ready to be written as Latin-1. The one place where heads are checked on their way out: a
 * value from a store's XML or a template must never become a line, or a request, of its own. Throws BadRequest, which
 * names the field and not its value.
 */
export function encodeHead({ method, target, authority, headers, own }: RequestLine, during: string): string {
  if (lowerCaseOf(method) === undefined) throw invalid(during, "method");
  if (target === "" || badTarget.test(target)) throw invalid(during, "path");
  let head = `${method} ${target} HTTP/1.1\r\n`;
  let hasHost = false;
  /** Of ours, those that the headers have. */
  const given: string[] = [];
  for (const name in headers) {
    const lowerCase = lowerCaseOf(name);
    if (lowerCase === undefined) throw invalid(during, `header field name ${JSON.stringify(name)}`);
    const value = headers[name] ?? "";
    if (typeof value === "string") head += field(name, value, during);
    else for (const each of value) head += field(name, each, during);
    if (lowerCase === "host") hasHost = true;
    else if (lowerCase === "transfer-encoding")
      throw invalid(during, "Transfer-Encoding, which is ours to choose");
    else if (Object.hasOwn(own, lowerCase)) given.push(lowerCase);
  }
  if (!hasHost) head = head.replace("\r\n", () => `\r\nhost: ${authority}\r\n`);
  for (const name in own) if (!given.includes(name)) head += `${name}: ${own[name]}\r\n`;
  return `${head}\r\n`;
}

function field(name: string, value: string, during: string): string {
  if (badValue.test(value)) throw invalid(during, `header field value for ${JSON.stringify(name)}`);
  return `${name}: ${value}\r\n`;
}

function invalid(during: string, what: string): ExecutorError {
  return new ExecutorError("BadRequest", `${during}: net/http: invalid ${what}`);
}
