import type { HttpRequest, Payload, TokenSource } from "../../../http/index.ts";
import type { SignedRequest, StoreProtocol } from "../../store-requests.ts";
import type { AzureConfig } from "./config.ts";
import type { AzureCredentials } from "./credentials.ts";
import { isAboutIdentity, toError } from "./errors.ts";
import { encodePath, queryString, sharedKey } from "./signature.ts";

export interface AzureRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Undefined: the container itself. */
  readonly blob?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: Payload;
  /** Requests that the payload carries, each to be signed by itself (Blob Batch). */
  readonly batch?: readonly AzureRequest[];
}

/**
 * The service changes what it answers with the version that is asked for; every request names this one. It is the first
 * that writes names in listings which XML cannot carry (2021-02-12), and nothing newer is needed.
 */
export const version = "2021-12-02";

/** Requests to one container, under an account key, a shared access signature or a token. */
export function azureProtocol(
  config: AzureConfig,
  credentials: TokenSource<AzureCredentials>,
): StoreProtocol<AzureRequest> {
  return {
    async sign(request, signal): Promise<SignedRequest> {
      const used = await credentials.current(signal);
      const full =
        request.batch === undefined ? request : { ...request, payload: batchPayload(request, config, used) };
      return { request: toHttp(full, config, used), renew: (stop) => credentials.renew(used, stop) };
    },
    toError,
    isAboutIdentity,
  };
}

function toHttp(
  request: AzureRequest,
  config: AzureConfig,
  used: AzureCredentials,
  isPart = false,
): HttpRequest {
  const { method, blob, query = {}, payload } = request;
  const container = `${config.servicePath}/${encodePath(config.container)}`;
  const path = blob === undefined ? container : `${container}/${encodePath(blob)}`;
  const hasBody = method === "PUT" || method === "POST" || payload !== undefined;
  const headers: Record<string, string> = {
    ...request.headers,
    "x-ms-date": new Date().toUTCString(),
    // A part of a batch has the version of the whole.
    ...(isPart ? {} : { "x-ms-version": version, "user-agent": "outrider" }),
    ...(hasBody && payload?.sizeBytes !== undefined ? { "content-length": String(payload.sizeBytes) } : {}),
    ...(hasBody && payload === undefined ? { "content-length": "0" } : {}),
  };
  if (used.kind === "key") {
    const key = Buffer.from(used.key, "base64");
    headers.authorization = sharedKey(config.account, key, { method, path, query, headers });
  } else if (used.kind === "token") headers.authorization = `Bearer ${used.token}`;
  const search = [queryString(query), used.kind === "sas" ? used.query : ""].filter((part) => part !== "");
  return {
    method,
    origin: config.origin,
    path: search.length === 0 ? path : `${path}?${search.join("&")}`,
    headers: isPart ? headers : { ...headers, host: config.host },
    payload,
  };
}

/** The body of "Blob Batch": requests as they would go on the wire, in a multipart/mixed document. */
function batchPayload({ batch = [] }: AzureRequest, config: AzureConfig, used: AzureCredentials): Payload {
  const parts = batch.map((part, index) => {
    const { method, path, headers } = toHttp(part, config, used, true);
    const fields = Object.entries({ ...headers, "content-length": "0" }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    return [
      `--${batchBoundary}`,
      "content-type: application/http",
      "content-transfer-encoding: binary",
      `content-id: ${index}`,
      "",
      `${method} ${path} HTTP/1.1`,
      ...fields,
      "",
      "",
    ].join("\r\n");
  });
  const bytes = Buffer.from(`${parts.join("")}--${batchBoundary}--\r\n`);
  return { sizeBytes: bytes.byteLength, chunks: [bytes] };
}

/** Nothing in a batch's parts but names and signatures, whose characters are encoded: it cannot occur in them. */
export const batchBoundary = "batch_outrider";
