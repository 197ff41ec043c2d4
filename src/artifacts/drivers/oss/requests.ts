import type { Payload, TokenSource } from "../../../http/index.ts";
import type { SignedRequest, StoreProtocol } from "../../store-requests.ts";
import type { OssConfig } from "./config.ts";
import { isAboutIdentity, toError } from "./errors.ts";
import { encodePath, type OssCredentials, queryString, signV1, signV4 } from "./signature.ts";

export interface OssRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Undefined: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: Payload;
}

/** Requests to one bucket, signed with V4 where the endpoint names its region and with V1 elsewhere. */
export function ossProtocol(
  config: OssConfig,
  credentials: TokenSource<OssCredentials>,
): StoreProtocol<OssRequest> {
  return {
    async sign(request, signal): Promise<SignedRequest> {
      const used = await credentials.current(signal);
      return {
        request: toHttp(request, config, used),
        renew: (stop) => credentials.renew(used, stop),
      };
    },
    toError,
    isAboutIdentity,
  };
}

function toHttp(
  { method, key, query = {}, headers, payload }: OssRequest,
  config: OssConfig,
  used: OssCredentials,
) {
  const { bucket, origin, host, pathPrefix, region } = config;
  const size: Record<string, string> =
    payload?.sizeBytes === undefined ? {} : { "content-length": String(payload.sizeBytes) };
  const toSign = { method, bucket, key, query, headers: { ...headers, ...size, host } };
  const signed = region === undefined ? signV1(toSign, used) : signV4(toSign, used, region);
  const search = queryString(query);
  const path = `${pathPrefix}/${encodePath(key ?? "")}`;
  return {
    method,
    origin,
    path: search === "" ? path : `${path}?${search}`,
    headers: { ...signed, "user-agent": "outrider" },
    payload,
  };
}
