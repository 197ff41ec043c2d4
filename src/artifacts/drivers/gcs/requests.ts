import type { Payload, TokenSource } from "../../../http/index.ts";
import type { SignedRequest, StoreProtocol } from "../../store-requests.ts";
import type { GcsConfig } from "./config.ts";
import { isAboutIdentity, toError } from "./errors.ts";

export interface GcsRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Path and query, percent-encoded; made by the functions below. */
  readonly path: string;
  /** False for requests to the bucket, whose "not found" is a missing bucket. */
  readonly isAboutObject: boolean;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: Payload;
}

/** Requests to one bucket, with a bearer token; without, for an emulator. */
export function gcsProtocol(
  config: GcsConfig,
  tokens: TokenSource<string> | undefined,
): StoreProtocol<GcsRequest> {
  const { origin, host, quotaProject } = config;
  const project: Record<string, string> =
    quotaProject === undefined ? {} : { "x-goog-user-project": quotaProject };
  return {
    async sign({ method, path, headers, payload }, signal): Promise<SignedRequest> {
      const token = await tokens?.current(signal);
      const all: Record<string, string> = { ...headers, ...project, host, "user-agent": "outrider" };
      if (token !== undefined) all.authorization = `Bearer ${token}`;
      if (payload?.sizeBytes !== undefined) all["content-length"] = String(payload.sizeBytes);
      else if (method !== "GET" && method !== "DELETE") all["content-length"] = "0";
      const renew = async (stop: AbortSignal) =>
        token !== undefined && (await tokens?.renew(token, stop)) === true;
      return { request: { method, origin, path, headers: all, payload }, renew };
    },
    toError: (refusal, request) => toError(refusal, request.isAboutObject),
    isAboutIdentity,
  };
}

export function bucketPath(bucket: string, query: Readonly<Record<string, string>>): string {
  return `/storage/v1/b/${encodeURIComponent(bucket)}/o${search(query)}`;
}

export function objectPath(bucket: string, key: string, query: Readonly<Record<string, string>>): string {
  return `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encode(key)}${search(query)}`;
}

/** Copies an object inside the service, as a whole or a stretch at a time. */
export function rewritePath(
  from: { readonly bucket: string; readonly key: string },
  to: { readonly bucket: string; readonly key: string },
  query: Readonly<Record<string, string>>,
): string {
  const target = `b/${encodeURIComponent(to.bucket)}/o/${encode(to.key)}`;
  return `${objectPath(from.bucket, from.key, {})}/rewriteTo/${target}${search(query)}`;
}

export function uploadPath(bucket: string, query: Readonly<Record<string, string>>): string {
  return `/upload/storage/v1/b/${encodeURIComponent(bucket)}/o${search(query)}`;
}

function search(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encode(value)}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** Each byte but the unreserved percent-encoded, slashes too: a name is one element of the path. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
