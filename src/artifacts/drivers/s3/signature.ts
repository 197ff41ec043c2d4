import { createHmac, hash } from "node:crypto";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface RequestToSign {
  readonly method: string;
  /** Percent-encoded already, as it goes on the wire. */
  readonly path: string;
  /** Names and values, not encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case; `host` and every `x-amz-*` header are signed, and all others that are given here. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the payload, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string;
}

/**
 * AWS Signature Version 4 in the Authorization header, for the service `s3` (AWS General Reference, "Create a signed
 * AWS API request"). One signer keeps the derived key of its day and region.
 */
export class Signer {
  readonly #credentials: Credentials;
  readonly #region: string;
  #key: { readonly day: string; readonly bytes: Buffer } | undefined;

  constructor(credentials: Credentials, region: string) {
    this.#credentials = credentials;
    this.#region = region;
  }

  /** The headers to send: those given, with `x-amz-date`, `x-amz-content-sha256`, the token and the signature. */
  sign(request: RequestToSign, now: Date = new Date()): Record<string, string> {
    const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
    const day = time.slice(0, 8);
    const { accessKeyId, sessionToken } = this.#credentials;
    const headers: Record<string, string> = {
      ...request.headers,
      "x-amz-content-sha256": request.payloadHash,
      "x-amz-date": time,
      ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
    };
    const names = Object.keys(headers).sort();
    const signedHeaders = names.join(";");
    let canonicalRequest = `${request.method}\n${request.path}\n${queryString(request.query)}\n`;
    for (const name of names) canonicalRequest += `${name}:${trimmed(headers[name] ?? "")}\n`;
    canonicalRequest += `\n${signedHeaders}\n${request.payloadHash}`;
    const scope = `${day}/${this.#region}/s3/aws4_request`;
    // Values of headers are bytes, as they came from a store: what is beyond ASCII is signed as it goes on the wire.
    const bytes = Buffer.from(canonicalRequest, "latin1");
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(bytes)}`;
    const signature = createHmac("sha256", this.#keyOf(day)).update(text).digest("hex");
    const credential = `Credential=${accessKeyId}/${scope}`;
    headers.authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
    return headers;
  }

  #keyOf(day: string): Buffer {
    if (this.#key?.day !== day) {
      const parts = [day, this.#region, "s3", "aws4_request"];
      const seed = Buffer.from(`AWS4${this.#credentials.secretAccessKey}`);
      const bytes = parts.reduce((key, part) => createHmac("sha256", key).update(part).digest(), seed);
      this.#key = { day, bytes };
    }
    return this.#key.bytes;
  }
}

/** Blanks as the signature has them. Not all that is a space to JavaScript: U+00A0 is a byte of other characters here. */
function trimmed(value: string): string {
  if (!/[\t\r\n]|^ | $| {2}/.test(value)) return value;
  return value.replace(/[ \t\r\n]+/g, " ").replace(/^ | $/g, "");
}

/** The query as it is signed and sent: sorted, each byte but the unreserved percent-encoded. */
export function queryString(query: Readonly<Record<string, string>>): string {
  const names = Object.keys(query);
  if (names.length === 0) return "";
  return names
    .map((name) => [encode(name), encode(query[name] ?? "")] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** A key as a path: each byte but the unreserved and `/` percent-encoded (docs/contract/artifacts.md#5.1, Addressing). */
export function encodePath(path: string): string {
  return /^[A-Za-z0-9\-._~/]*$/.test(path) ? path : encodedElements(path);
}

function encodedElements(path: string): string {
  return path.split("/").map(encode).join("/");
}

export function sha256(content: string | Uint8Array): string {
  return hash("sha256", content, "hex");
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
