import { createHash, createHmac } from "node:crypto";

export interface OssCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string | undefined;
}

export interface RequestToSign {
  readonly method: string;
  readonly bucket: string;
  /** Not encoded; undefined: the bucket itself. */
  readonly key: string | undefined;
  /** Names and values, not encoded; an empty value stands for a name alone. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The headers to send: those given, with the date, the token and the signature of version 1 (HMAC-SHA1). */
export function signV1(
  request: RequestToSign,
  { accessKeyId, accessKeySecret, securityToken }: OssCredentials,
  now: Date = new Date(),
): Record<string, string> {
  const headers: Record<string, string> = {
    ...request.headers,
    date: now.toUTCString(),
    ...(securityToken === undefined ? {} : { "x-oss-security-token": securityToken }),
  };
  const text = [
    request.method,
    headers["content-md5"] ?? "",
    headers["content-type"] ?? "",
    headers.date,
    ...ossHeaders(headers),
    resourceV1(request),
  ].join("\n");
  const signature = createHmac("sha1", accessKeySecret).update(text).digest("base64");
  return { ...headers, authorization: `OSS ${accessKeyId}:${signature}` };
}

/** The same with version 4 (HMAC-SHA256), which names the region. */
export function signV4(
  request: RequestToSign,
  { accessKeyId, accessKeySecret, securityToken }: OssCredentials,
  region: string,
  now: Date = new Date(),
): Record<string, string> {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
    "x-oss-date": time,
    ...(securityToken === undefined ? {} : { "x-oss-security-token": securityToken }),
  };
  const signed = Object.keys(headers).filter(
    (name) => name === "content-type" || name === "content-md5" || name.startsWith("x-oss-"),
  );
  const canonical = [
    request.method,
    encodePath(`/${request.bucket}/${request.key ?? ""}`),
    queryString(request.query),
    ...signed.sort().map((name) => `${name}:${headers[name]?.trim()}`),
    "",
    "",
    "UNSIGNED-PAYLOAD",
  ].join("\n");
  const scope = `${day}/${region}/oss/aliyun_v4_request`;
  const hash = createHash("sha256").update(canonical).digest("hex");
  const key = [day, region, "oss", "aliyun_v4_request"].reduce(
    (bytes, part) => createHmac("sha256", bytes).update(part).digest(),
    Buffer.from(`aliyun_v4${accessKeySecret}`),
  );
  const signature = createHmac("sha256", key)
    .update(["OSS4-HMAC-SHA256", time, scope, hash].join("\n"))
    .digest("hex");
  const authorization = `OSS4-HMAC-SHA256 Credential=${accessKeyId}/${scope},Signature=${signature}`;
  return { ...headers, authorization };
}

/** The query as it is signed with V4 and sent: sorted, each byte but the unreserved percent-encoded. */
export function queryString(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => (value === "" ? encode(name) : `${encode(name)}=${encode(value)}`))
    .sort()
    .join("&");
}

/** A key as a path: each byte but the unreserved and `/` percent-encoded. */
export function encodePath(path: string): string {
  return path.split("/").map(encode).join("/");
}

/** Parameters that are part of the resource in version 1, of those that we use. */
const subresources = [
  "acl",
  "append",
  "bucketInfo",
  "delete",
  "lifecycle",
  "partNumber",
  "uploadId",
  "uploads",
  "continuation-token",
];

function resourceV1({ bucket, key = "", query }: RequestToSign): string {
  const part = Object.keys(query)
    .filter((name) => subresources.includes(name))
    .sort()
    .map((name) => (query[name] === "" ? name : `${name}=${query[name]}`))
    .join("&");
  return `/${bucket}/${key}${part === "" ? "" : `?${part}`}`;
}

function ossHeaders(headers: Readonly<Record<string, string>>): string[] {
  return Object.keys(headers)
    .filter((name) => name.startsWith("x-oss-"))
    .sort()
    .map((name) => `${name}:${headers[name]?.trim()}`);
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
