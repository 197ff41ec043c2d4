import { ExecutorError } from "../../../errors/index.ts";
import {
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  type Payload,
  readText,
} from "../../../http/index.ts";
import { digestOf } from "../../digests.ts";
import type { Refusal, SignedRequest, StoreProtocol } from "../../store-requests.ts";
import { textOf } from "../../xml.ts";
import type { S3Config } from "./config.ts";
import type { CredentialSource } from "./credentials.ts";
import { bucketTarget } from "./endpoint.ts";
import { errorOf, isAboutCredentials, readFailure, toError } from "./errors.ts";
import { requestSpan } from "./request-span.ts";
import { type Credentials, encodePath, queryString, Signer } from "./signature.ts";

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Undefined: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case; all are signed. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: Payload;
  /** The SHA-256 of the payload in hex, where it is known already. */
  readonly sha256?: string;
  /** True where a signed header has a checksum of the payload that the store is known to verify. */
  readonly hasChecksum?: boolean;
}

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const locationStallMs = 60_000;
const locationBytesMax = 64 * 1024;

/** Requests to one bucket, signed for the region where it turns out to be. */
export class S3Protocol implements StoreProtocol<S3Request> {
  readonly #config: S3Config;
  readonly #http: HttpClient;
  readonly #credentials: CredentialSource;
  #region: string;
  #regionIsCorrected = false;
  #takesUnsigned = true;
  /** Requests under way whose payload only its checksum protects. */
  readonly #unsigned = new WeakSet<S3Request>();
  #signer:
    | { readonly credentials: Credentials; readonly region: string; readonly signer: Signer }
    | undefined;

  constructor(config: S3Config, http: HttpClient, credentials: CredentialSource) {
    this.#config = config;
    this.#http = http;
    this.#credentials = credentials;
    this.#region = config.region ?? "us-east-1";
  }

  get region(): string {
    return this.#region;
  }

  async sign(request: S3Request, signal: AbortSignal): Promise<SignedRequest> {
    const used = await this.#credentials.current(signal);
    return {
      request: await this.#toHttp(request, used),
      renew: (stop) => this.#credentials.refresh(used, stop),
    };
  }

  toError(refusal: Refusal): ExecutorError {
    return toError(readFailure(refusal));
  }

  isAboutIdentity(refusal: Refusal): boolean {
    return isAboutCredentials(readFailure(refusal));
  }

  traced<Response extends HttpResponse>(
    request: S3Request,
    exchange: () => Promise<Response>,
  ): Promise<Response> {
    return requestSpan(this.#config.bucket, request, exchange);
  }

  async learns(refusal: Refusal, request: S3Request, signal: AbortSignal): Promise<boolean> {
    return this.#learnsToSign(refusal, request) || (await this.#learnsRegion(refusal, request, signal));
  }

  /**
   * A policy may demand signed payloads (`s3:x-amz-content-sha256`), and a store may do so over http. The same request
   * goes once more, with the hash; if that was not the reason, its second refusal is the one that counts.
   */
  #learnsToSign(refusal: Refusal, request: S3Request): boolean {
    const { code, status } = readFailure(refusal);
    if (damageCodes.has(code) || ![400, 401, 403, 501].includes(status)) return false;
    if (!this.#unsigned.delete(request)) return false;
    this.#takesUnsigned = false;
    return true;
  }

  /**
   * The region is not asked for in advance: the first answer from a wrong one names the right one. HEAD has no body to
   * name it in and some stores no header, so that they are asked then (docs/contract/artifacts.md#5.1, Region).
   */
  async #learnsRegion(refusal: Refusal, request: S3Request, signal: AbortSignal): Promise<boolean> {
    if (this.#regionIsCorrected || this.#config.region !== undefined) return false;
    const { code, status, region: named } = readFailure(refusal);
    const isAboutRegion =
      regionCodes.has(code) ||
      status === 301 ||
      status === 307 ||
      (status === 400 && code === "" && request.method === "HEAD");
    if (!isAboutRegion) return false;
    this.#regionIsCorrected = true;
    const region = named ?? (await this.#discoverRegion(signal));
    if (region === undefined || region === this.#region) return false;
    this.#region = region;
    return true;
  }

  async #toHttp(request: S3Request, credentials: Credentials): Promise<HttpRequest> {
    const { method, key, query = {}, payload } = request;
    const { endpoint, bucket, addressingStyle } = this.#config;
    const { origin, host, pathPrefix } = bucketTarget(endpoint, bucket, this.#region, addressingStyle);
    const path = key === undefined ? pathPrefix || "/" : `${pathPrefix}/${encodePath(key)}`;
    const payloadHash = await this.#hashToSign(request);
    const size: Record<string, string> =
      payload?.sizeBytes === undefined ? {} : { "content-length": String(payload.sizeBytes) };
    const signer = this.#signerOf(credentials);
    const headers = signer.sign({
      method,
      path,
      query,
      headers: { ...request.headers, ...size, host },
      payloadHash,
    });
    const search = queryString(query);
    return {
      method,
      origin,
      path: search === "" ? path : `${path}?${search}`,
      headers: { ...headers, "user-agent": "outrider" },
      payload,
    };
  }

  /**
   * Over TLS nothing but TLS has to protect the payload. Over plain http it is a checksum that the signature covers and the
   * store verifies, where there is one (docs/decisions/0014-parts-signed-by-their-checksum.md), else the signature itself.
   */
  #hashToSign(request: S3Request): string | Promise<string> {
    const { payload, sha256, hasChecksum = false } = request;
    if (payload === undefined) return emptyHash;
    const isHttp = this.#config.endpoint.scheme === "http";
    if (isHttp && hasChecksum && this.#takesUnsigned) {
      this.#unsigned.add(request);
      return "UNSIGNED-PAYLOAD";
    }
    if (sha256 !== undefined) return sha256;
    return isHttp ? hexSha256(payload) : "UNSIGNED-PAYLOAD";
  }

  #signerOf(credentials: Credentials): Signer {
    if (this.#signer?.credentials !== credentials || this.#signer.region !== this.#region) {
      const signer = new Signer(credentials, this.#region);
      this.#signer = { credentials, region: this.#region, signer };
    }
    return this.#signer.signer;
  }

  async #discoverRegion(signal: AbortSignal): Promise<string | undefined> {
    const { request } = await this.sign({ method: "GET", query: { location: "" } }, signal);
    const response = await this.#http.request(request, signal);
    const options = { during: `Get the location of ${this.#config.bucket}`, stallTimeoutMs: locationStallMs };
    const text = await readText(response.body, locationBytesMax, options);
    if (response.status !== 200) {
      const header = response.headers["x-amz-bucket-region"];
      return textOf(text, "Region") ?? (typeof header === "string" ? header : undefined);
    }
    const location = /<LocationConstraint[^>]*>([^<]*)</.exec(text)?.[1] ?? "";
    return location === "" ? "us-east-1" : location === "EU" ? "eu-west-1" : location;
  }
}

async function hexSha256(payload: Payload): Promise<string> {
  return (await digestOf("sha256", payload)).toString("hex");
}

const regionCodes = new Set([
  "AuthorizationHeaderMalformed",
  "InvalidRegion",
  "PermanentRedirect",
  "TemporaryRedirect",
]);

/** What says that the payload arrived as another one: to be sent again as it is. */
const damageCodes = new Set(["BadDigest", "XAmzContentChecksumMismatch", "IncompleteBody", "InvalidDigest"]);

/** What a store says in a 200 that is a failure all the same (CompleteMultipartUpload may). */
export function throwIfFailed(xml: string): void {
  if (!/<Error[\s>]/.test(xml)) return;
  throw errorOf(textOf(xml, "Code") ?? "", textOf(xml, "Message") ?? "");
}

/**
 * Throws unless the answer is the document that was asked for, from its beginning to its end: a 200 may be the page of
 * something in between, or may have been cut off. That passes more often than not, so it is Transient.
 */
export function expectDocument(xml: string, name: string): void {
  throwIfFailed(xml);
  const isBegun = new RegExp(`^\\s*(<\\?xml[^>]*\\?>\\s*)?<${name}[\\s/>]`).test(xml);
  if (isBegun && (/\/>\s*$/.test(xml) || xml.trimEnd().endsWith(`</${name}>`))) return;
  const what = isBegun ? "was cut off" : `is no ${name}`;
  throw new ExecutorError(
    "Transient",
    `the store's answer ${what} (${xml.length} characters); is a proxy in the way?`,
  );
}
