import { createHmac } from "node:crypto";

export interface RequestToSign {
  readonly method: string;
  /** Percent-encoded, as it goes on the wire. */
  readonly path: string;
  /** Names and values, not encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case, `x-ms-date` among them. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The standard headers that are signed, in this order, each on a line of its own. */
const standard = [
  "content-encoding",
  "content-language",
  "content-length",
  "content-md5",
  "content-type",
  "date",
  "if-modified-since",
  "if-match",
  "if-none-match",
  "if-unmodified-since",
  "range",
];

/** The Authorization header of "Authorize with Shared Key" (Azure Storage REST API), for the blob service. */
export function sharedKey(account: string, key: Buffer, request: RequestToSign): string {
  const { method, path, query, headers } = request;
  const extensions = Object.keys(headers)
    .filter((name) => name.startsWith("x-ms-"))
    .sort()
    .map((name) => `${name}:${headers[name]?.trim().replace(/\s+/g, " ")}`);
  const parameters = Object.keys(query)
    .map((name) => `${name.toLowerCase()}:${query[name]}`)
    .sort();
  const text = [
    method,
    // A length of zero is written as nothing.
    ...standard.map((name) =>
      headers[name] === "0" && name === "content-length" ? "" : (headers[name] ?? ""),
    ),
    ...extensions,
    `/${account}${path}`,
    ...parameters,
  ].join("\n");
  const signature = createHmac("sha256", key).update(text).digest("base64");
  return `SharedKey ${account}:${signature}`;
}

/** The query as it is sent: each byte but the unreserved percent-encoded. */
export function queryString(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&");
}

/** A blob's name as a path: each byte but the unreserved and `/` percent-encoded. */
export function encodePath(path: string): string {
  return path.split("/").map(encode).join("/");
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
