import { createHash, createHmac } from "node:crypto";
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { text } from "node:stream/consumers";
import type { ObjectServer } from "../servers/object-server/index.ts";
import { credentials } from "./object-client.ts";

export interface RawRequest {
  readonly method?: string;
  /** As it is sent. */
  readonly path: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** `x-amz-content-sha256`; default: the hash of the body. */
  readonly payload?: string;
  readonly at?: Date;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly region?: string;
  readonly token?: string;
  /** Sent without being signed. */
  readonly unsigned?: Readonly<Record<string, string>>;
  /** Makes the body once the signature of the headers is known. */
  readonly chunks?: (signer: ChunkSigning) => Buffer;
}

export interface ChunkSigning {
  readonly key: Buffer;
  readonly date: string;
  readonly scope: string;
  readonly seed: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The code of the error document. */
  readonly code: string | undefined;
}

/** Sends one request signed by hand (SigV4 as Amazon documents it), so that every part of it can be made wrong. */
export async function sendSigned(server: ObjectServer, raw: RawRequest): Promise<RawAnswer> {
  const { method = "GET", body = "", region = "us-east-1" } = raw;
  const date = (raw.at ?? new Date()).toISOString().replace(/[-:]|\.\d+/g, "");
  const payload = raw.payload ?? sha256(body);
  const headers: Record<string, string> = {
    ...raw.headers,
    host: server.endpoint,
    "x-amz-content-sha256": payload,
    "x-amz-date": date,
    ...(raw.token === undefined ? {} : { "x-amz-security-token": raw.token }),
  };
  const names = Object.keys(headers).sort();
  const [path = "", query = ""] = raw.path.split("?");
  const canonical = [
    method,
    path,
    query
      .split("&")
      .filter((pair) => pair !== "")
      .map((pair) => (pair.includes("=") ? pair : `${pair}=`))
      .sort()
      .join("&"),
    ...names.map((name) => `${name}:${headers[name]}`),
    "",
    names.join(";"),
    payload,
  ].join("\n");
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`;
  const key = scope
    .split("/")
    .reduce<Buffer>(
      (last, step) => hmac(last, step),
      Buffer.from(`AWS4${raw.secretKey ?? credentials.secretKey}`),
    );
  const seed = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`).toString("hex");
  const credential = `${raw.accessKey ?? credentials.accessKey}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${seed}`;
  const content = raw.chunks ? raw.chunks({ key, date, scope, seed }) : Buffer.from(body);
  return send(server, method, raw.path, { ...headers, ...raw.unsigned, authorization }, content);
}

export function send(
  server: ObjectServer,
  method: string,
  path: string,
  headers: OutgoingHttpHeaders,
  content: Buffer = Buffer.alloc(0),
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const message = request(server.url, { method, path, headers, agent: false }, (response) => {
      text(response).then((body) => {
        const code = /<Code>(.*)<\/Code>/.exec(body)?.[1];
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, code });
      }, reject);
    });
    message.on("error", reject);
    message.setHeader("content-length", content.length);
    message.end(content);
  });
}

/** An aws-chunked body with a signature at each chunk, and after the trailers if there are any. */
export function signedChunks(
  { key, date, scope, seed }: ChunkSigning,
  chunks: readonly string[],
  trailers?: Readonly<Record<string, string>>,
): Buffer {
  let previous = seed;
  const sign = (kind: string, digests: string) => {
    previous = hmac(key, `AWS4-HMAC-SHA256-${kind}\n${date}\n${scope}\n${previous}\n${digests}`).toString(
      "hex",
    );
    return previous;
  };
  let body = "";
  for (const chunk of [...chunks, ""]) {
    const signature = sign("PAYLOAD", `${sha256("")}\n${sha256(chunk)}`);
    body += `${chunk.length.toString(16)};chunk-signature=${signature}\r\n${chunk}`;
    if (chunk !== "" || !trailers) body += "\r\n";
  }
  if (trailers) {
    const lines = Object.entries(trailers).map(([name, value]) => `${name}:${value}`);
    const signature = sign("TRAILER", sha256(lines.map((line) => `${line}\n`).join("")));
    body += `${lines.map((line) => `${line}\r\n`).join("")}x-amz-trailer-signature:${signature}\r\n\r\n`;
  }
  return Buffer.from(body);
}

export function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}
