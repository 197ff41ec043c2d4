import { ExecutorError, type TextPattern } from "../../../errors/index.ts";
import {
  type BodyOptions,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  type Payload,
  type Received,
  readText,
} from "../../../http/index.ts";
import type { ByteSink } from "../../../streams/index.ts";
import { digestOf } from "../../digests.ts";
import type { S3Config } from "./config.ts";
import type { CredentialSource } from "./credentials.ts";
import { bucketTarget, type Target } from "./endpoint.ts";
import { isAboutCredentials, readFailure, type S3Failure, toError } from "./errors.ts";
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
}

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const stallTimeoutMs = 60_000;
const errorBodyMaxBytes = 64 * 1024;

/** Sends signed requests to one bucket. Every answer but 2xx is thrown, translated. */
export class S3Requests {
  readonly config: S3Config;
  readonly #http: HttpClient;
  readonly #credentials: CredentialSource;
  readonly #transientPattern: TextPattern | undefined;
  #region: string;
  #regionIsCorrected = false;
  #signer:
    | { readonly credentials: Credentials; readonly region: string; readonly signer: Signer }
    | undefined;

  constructor(
    config: S3Config,
    http: HttpClient,
    credentials: CredentialSource,
    transientPattern: TextPattern | undefined,
  ) {
    this.config = config;
    this.#http = http;
    this.#credentials = credentials;
    this.#transientPattern = transientPattern;
    this.#region = config.region ?? "us-east-1";
  }

  get region(): string {
    return this.#region;
  }

  async send(request: S3Request, signal: AbortSignal): Promise<HttpResponse> {
    return await this.#deliver(request, (signed) => this.#http.request(signed, signal), signal);
  }

  /** A GET whose body goes straight to the sink, where it is plain and has the length. */
  async receive(
    request: S3Request,
    sizeBytes: number,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<Received> {
    const receive = (signed: HttpRequest) => this.#http.receive(signed, sizeBytes, sink, signal);
    return await this.#deliver(request, receive, signal);
  }

  async #deliver<Response extends HttpResponse>(
    request: S3Request,
    exchange: (signed: HttpRequest) => Promise<Response>,
    signal: AbortSignal,
  ): Promise<Response> {
    let credentialsAreFresh = false;
    for (;;) {
      const credentials = await this.#credentials.current(signal);
      const signed = await this.#sign(request, credentials);
      const response = await requestSpan(this.config.bucket, request, () => exchange(signed));
      if (response.status >= 200 && response.status < 300) return response;
      const text = await readText(response.body, errorBodyMaxBytes, this.bodyOptions(request));
      const failure = readFailure(response, text, this.#transientPattern);
      if (await this.#correctsRegion(request, failure, signal)) continue;
      if (
        !credentialsAreFresh &&
        isAboutCredentials(failure) &&
        (await this.#credentials.refresh(credentials, signal))
      ) {
        credentialsAreFresh = true;
        continue;
      }
      throw toError(failure);
    }
  }

  /** The request's answer as text, which is small. */
  async sendForText(request: S3Request, signal: AbortSignal): Promise<string> {
    const response = await this.send(request, signal);
    return await readText(response.body, 64 * 1024 * 1024, this.bodyOptions(request));
  }

  bodyOptions({ method, key = "" }: S3Request): BodyOptions {
    const word = method.charAt(0) + method.slice(1).toLowerCase();
    const { origin, pathPrefix } = this.#target();
    return { during: `${word} "${origin}${pathPrefix}/${key}"`, stallTimeoutMs };
  }

  async #sign(request: S3Request, credentials: Credentials): Promise<HttpRequest> {
    const { method, key, query = {}, payload, sha256 } = request;
    const { origin, host, pathPrefix } = this.#target();
    const path = key === undefined ? pathPrefix || "/" : `${pathPrefix}/${encodePath(key)}`;
    const payloadHash = sha256 ?? (await this.#hashToSign(payload));
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

  /** Over plain http nothing but the signature protects the payload on its way. */
  async #hashToSign(payload: Payload | undefined): Promise<string> {
    if (payload === undefined) return emptyHash;
    return this.config.endpoint.scheme === "http"
      ? (await digestOf("sha256", payload)).toString("hex")
      : "UNSIGNED-PAYLOAD";
  }

  #target(): Target {
    const { endpoint, bucket, addressingStyle } = this.config;
    return bucketTarget(endpoint, bucket, this.#region, addressingStyle);
  }

  #signerOf(credentials: Credentials): Signer {
    if (this.#signer?.credentials !== credentials || this.#signer.region !== this.#region) {
      const signer = new Signer(credentials, this.#region);
      this.#signer = { credentials, region: this.#region, signer };
    }
    return this.#signer.signer;
  }

  /**
   * The region is not asked for in advance: the first answer from a wrong one names the right one. HEAD has no body to
   * name it in and some stores no header, so that they are asked then (docs/contract/artifacts.md#5.1, Region).
   */
  async #correctsRegion(request: S3Request, failure: S3Failure, signal: AbortSignal): Promise<boolean> {
    const { code, status } = failure;
    const isAboutRegion =
      ["AuthorizationHeaderMalformed", "InvalidRegion", "PermanentRedirect", "TemporaryRedirect"].includes(
        code,
      ) ||
      status === 301 ||
      status === 307 ||
      (status === 400 && code === "" && request.method === "HEAD");
    if (!isAboutRegion || this.#regionIsCorrected || this.config.region !== undefined) return false;
    this.#regionIsCorrected = true;
    const region = failure.region ?? (await this.#discoverRegion(signal));
    if (region === undefined || region === this.#region) return false;
    this.#region = region;
    return true;
  }

  async #discoverRegion(signal: AbortSignal): Promise<string | undefined> {
    const credentials = await this.#credentials.current(signal);
    const signed = await this.#sign({ method: "GET", query: { location: "" } }, credentials);
    const response = await this.#http.request(signed, signal);
    const text = await readText(response.body, errorBodyMaxBytes, this.bodyOptions({ method: "GET" }));
    if (response.status !== 200) return readFailure(response, text).region;
    const location = /<LocationConstraint[^>]*>([^<]*)</.exec(text)?.[1] ?? "";
    return location === "" ? "us-east-1" : location === "EU" ? "eu-west-1" : location;
  }
}

/** What a store says in a 200 that is a failure all the same (CompleteMultipartUpload may). */
export function throwIfFailed(xml: string): void {
  if (!/<Error[\s>]/.test(xml)) return;
  const failure = readFailure({ status: 500, headers: {} }, xml);
  throw toError({ ...failure, status: failure.code === "" ? 500 : 400 });
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
