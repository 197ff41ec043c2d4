import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { percentDecode, percentEncode } from "./key-bytes.ts";
import { Refusal } from "./refusal.ts";

/** Who may talk to the server. */
export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
}

/** How the body of a request is protected (SigV4, "x-amz-content-sha256"). */
export type PayloadProtection =
  | { readonly kind: "unsigned" }
  | { readonly kind: "hash"; readonly sha256: string }
  | { readonly kind: "chunked"; readonly signed: ChunkSigner | undefined; readonly hasTrailer: boolean };

/** Signs one chunk after the other; each signature covers the one before. */
export interface ChunkSigner {
  chunk(sha256: string): string;
  trailer(sha256: string): string;
}

export interface Verifier {
  readonly credentials: Credentials;
  readonly region: string;
  readonly nowMs: number;
}

/** A signed request as it arrived: raw path and query, so that the canonical form is computed from what was sent. */
export interface SignedRequest {
  readonly message: IncomingMessage;
  readonly rawPath: string;
  readonly query: ReadonlyMap<string, string>;
}

const skewMaxMs = 15 * 60_000;
const emptySha256 = createHash("sha256").digest("hex");

/**
 * Checks a request's Signature Version 4, in the `Authorization` header or in the query of a presigned URL, and says how
 * its body is protected. Throws a Refusal with the code that S3 gives for each kind of mistake.
 */
export function verifySignature(request: SignedRequest, verifier: Verifier): PayloadProtection {
  const claim = request.query.has("X-Amz-Signature") ? presignedClaim(request) : headerClaim(request);
  const { accessKey, secretKey, sessionToken } = verifier.credentials;
  checkTime(claim, verifier.nowMs);
  if (claim.accessKey !== accessKey) {
    const message = "The AWS Access Key Id you provided does not exist in our records.";
    throw new Refusal(403, "InvalidAccessKeyId", message, { AWSAccessKeyId: claim.accessKey });
  }
  if ((claim.sessionToken ?? "") !== (sessionToken ?? "")) {
    throw new Refusal(400, "InvalidToken", "The provided token is malformed or otherwise invalid.");
  }
  checkScope(claim, verifier.region);
  checkSignedHeaders(request.message, claim.signedHeaders);

  const key = signingKey(secretKey, claim.scope);
  const canonical = canonicalRequest(request, claim);
  const toSign = `AWS4-HMAC-SHA256\n${claim.date}\n${claim.scope.join("/")}\n${sha256(canonical)}`;
  if (!sameText(hmac(key, toSign).toString("hex"), claim.signature)) {
    throw new Refusal(
      403,
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
      { AWSAccessKeyId: accessKey, StringToSign: toSign, CanonicalRequest: canonical },
    );
  }
  return payloadProtection(claim, key);
}

interface Claim {
  readonly accessKey: string;
  /** Date, region, service, "aws4_request". */
  readonly scope: readonly string[];
  /** As `20260131T120000Z`. */
  readonly date: string;
  readonly expiresSeconds: number | undefined;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
  readonly payload: string;
}

function headerClaim({ message }: SignedRequest): Claim {
  const { authorization } = message.headers;
  if (authorization === undefined) throw new Refusal(403, "AccessDenied", "Access Denied");
  const match = /^AWS4-HMAC-SHA256 +Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]+)$/.exec(
    authorization,
  );
  const [accessKey, ...scope] = match?.[1]?.split("/") ?? [];
  if (!match || accessKey === undefined || scope.length !== 4) {
    throw new Refusal(400, "AuthorizationHeaderMalformed", "The authorization header is malformed");
  }
  const payload = header(message, "x-amz-content-sha256");
  if (payload === undefined) {
    throw new Refusal(
      400,
      "InvalidRequest",
      "Missing required header for this request: x-amz-content-sha256",
    );
  }
  return {
    accessKey,
    scope,
    date: header(message, "x-amz-date") ?? "",
    expiresSeconds: undefined,
    signedHeaders: match[2]?.split(";") ?? [],
    signature: match[3] ?? "",
    sessionToken: header(message, "x-amz-security-token"),
    payload,
  };
}

function presignedClaim({ message, query }: SignedRequest): Claim {
  const [accessKey = "", ...scope] = (query.get("X-Amz-Credential") ?? "").split("/");
  const expiresSeconds = Number(query.get("X-Amz-Expires"));
  if (query.get("X-Amz-Algorithm") !== "AWS4-HMAC-SHA256" || scope.length !== 4 || !(expiresSeconds > 0)) {
    throw new Refusal(
      400,
      "AuthorizationQueryParametersError",
      "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    );
  }
  return {
    accessKey,
    scope,
    date: query.get("X-Amz-Date") ?? "",
    expiresSeconds,
    signedHeaders: (query.get("X-Amz-SignedHeaders") ?? "").split(";"),
    signature: query.get("X-Amz-Signature") ?? "",
    sessionToken: query.get("X-Amz-Security-Token"),
    payload:
      header(message, "x-amz-content-sha256") ?? query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD",
  };
}

function checkTime(claim: Claim, nowMs: number): void {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(claim.date);
  if (!match) {
    throw new Refusal(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header");
  }
  const [, year, month, day, hour, minute, second] = match.map(Number);
  const atMs = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  if (claim.expiresSeconds !== undefined && nowMs > atMs + claim.expiresSeconds * 1000) {
    throw new Refusal(403, "AccessDenied", "Request has expired");
  }
  const isLate = claim.expiresSeconds === undefined && nowMs - atMs > skewMaxMs;
  if (isLate || atMs - nowMs > skewMaxMs) {
    throw new Refusal(
      403,
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
      {
        RequestTime: claim.date,
        ServerTime: new Date(nowMs).toISOString(),
        MaxAllowedSkewMilliseconds: String(skewMaxMs),
      },
    );
  }
}

function checkScope({ scope, date }: Claim, region: string): void {
  const [day, scopeRegion, service, end] = scope;
  if (scopeRegion !== region) {
    throw new Refusal(
      400,
      "AuthorizationHeaderMalformed",
      `The authorization header is malformed; the region '${scopeRegion}' is wrong; expecting '${region}'`,
      { Region: region },
    );
  }
  if (!day || !date.startsWith(day) || service !== "s3" || end !== "aws4_request") {
    throw new Refusal(
      400,
      "AuthorizationHeaderMalformed",
      "The authorization header is malformed; the credential scope must be DATE/REGION/s3/aws4_request",
    );
  }
}

/** Headers that change what a request means must be covered by its signature. */
function checkSignedHeaders(message: IncomingMessage, signedHeaders: readonly string[]): void {
  const mandatory = Object.keys(message.headers).filter(
    (name) => name === "host" || (name.startsWith("x-amz-") && name !== "x-amz-content-sha256"),
  );
  const missing = mandatory.filter((name) => !signedHeaders.includes(name));
  if (missing.length > 0) {
    throw new Refusal(
      403,
      "AccessDenied",
      "There were headers present in the request which were not signed",
      {
        HeadersNotSigned: missing.join(", "),
      },
    );
  }
}

/** Latin-1 throughout: one character a byte, as Node hands out header values. */
function canonicalRequest({ message, rawPath, query }: SignedRequest, claim: Claim): string {
  const path = percentEncode(percentDecode(rawPath) ?? rawPath, "/");
  const pairs = [...query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const headers = claim.signedHeaders.map((name) => {
    const values = message.headersDistinct[name] ?? [];
    return `${name}:${values.map((value) => value.trim().replace(/ +/g, " ")).join(",")}\n`;
  });
  return [
    message.method,
    path,
    pairs.join("&"),
    headers.join(""),
    claim.signedHeaders.join(";"),
    claim.payload,
  ].join("\n");
}

function payloadProtection(claim: Claim, key: Buffer): PayloadProtection {
  const { payload } = claim;
  if (payload === "UNSIGNED-PAYLOAD") return { kind: "unsigned" };
  if (/^[0-9a-f]{64}$/.test(payload)) return { kind: "hash", sha256: payload };
  const match = /^STREAMING-(AWS4-HMAC-SHA256|UNSIGNED)-PAYLOAD(-TRAILER)?$/.exec(payload);
  if (!match) {
    throw new Refusal(
      400,
      "InvalidArgument",
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.",
    );
  }
  const signed = match[1] === "UNSIGNED" ? undefined : chunkSigner(claim, key);
  return { kind: "chunked", signed, hasTrailer: match[2] !== undefined };
}

function chunkSigner(claim: Claim, key: Buffer): ChunkSigner {
  const scope = claim.scope.join("/");
  let previous = claim.signature;
  const sign = (kind: string, digests: string): string => {
    previous = hmac(
      key,
      `AWS4-HMAC-SHA256-${kind}\n${claim.date}\n${scope}\n${previous}\n${digests}`,
    ).toString("hex");
    return previous;
  };
  return {
    chunk: (digest) => sign("PAYLOAD", `${emptySha256}\n${digest}`),
    trailer: (digest) => sign("TRAILER", digest),
  };
}

function signingKey(secretKey: string, scope: readonly string[]): Buffer {
  return scope.reduce<Buffer>((key, step) => hmac(key, step), Buffer.from(`AWS4${secretKey}`));
}

export function sameText(left: string, right: string): boolean {
  return left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "latin1").digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}

function header(message: IncomingMessage, name: string): string | undefined {
  return message.headersDistinct[name]?.[0];
}
