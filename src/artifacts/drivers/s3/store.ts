import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import {
  type ByteSink,
  discardBody,
  type HttpResponse,
  type Payload,
  payloadOf,
  readBody,
  readText,
} from "../../../http/index.ts";
import type {
  ByteRange,
  ListPage,
  MultipartUpload,
  ObjectInfo,
  ObjectStore,
  ReadAnswer,
  StoredBytes,
  StoreLimits,
  UploadedPart,
} from "../../../transfer/index.ts";
import { contentMd5, crc32Of, decodeCrc32, digestOf, encodeCrc32 } from "../../digests.ts";
import { checkPage, notAListing } from "../../listing-checks.ts";
import { type AnswerHead, checkRange, lengthOf, sizeOf, tagOf } from "../../read-checks.ts";
import { elements, encodeXml, isBeyondXml, namespace, textOf } from "../../xml.ts";
import { listParts, wholeCrc32 } from "./completion.ts";
import type { Encryption } from "./encryption.ts";
import { toError } from "./errors.ts";
import { type S3Request, type S3Requests, throwIfFailed } from "./requests.ts";

const mib = 1024 * 1024;
/** The SHA-256 of an object that was stored whole, in hex. */
const sha256Header = "x-amz-meta-outrider-sha256";
/** Asks the store to check a CRC-32 of each part, and to keep that of the whole object. */
const crc32Offer = { "x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT" };

/** One S3 bucket as the transfer engine sees it. */
export class S3Store implements ObjectStore {
  readonly name: string;
  readonly limits: StoreLimits = {
    putMaxBytes: 5 * 1024 * mib,
    partMinBytes: 5 * mib,
    partMaxBytes: 5 * 1024 * mib,
    partsMax: 10_000,
    deleteKeysMax: 1000,
  };
  readonly #requests: S3Requests;
  readonly #encryption: Encryption;
  #mayKnowCrc32: boolean;

  constructor(requests: S3Requests, encryption: Encryption) {
    const { endpoint, bucket } = requests.config;
    this.name = `${endpoint.authority}/${bucket}`;
    this.#requests = requests;
    this.#encryption = encryption;
    // These are known not to: Google's endpoint and Alibaba's refuse or ignore what they do not know.
    this.#mayKnowCrc32 = endpoint.kind !== "google" && endpoint.kind !== "aliyun";
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    const headers = await this.#encryption.forBytes(key);
    const response = await this.#requests.send({ method: "HEAD", key, headers }, signal);
    response.body.resume();
    const head = headOf(response);
    return toInfo(key, lengthOf(head, key), head.header("etag"));
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<ReadAnswer | undefined> {
    const request = await this.#getRequest(info, range);
    const answer = await this.#requests.receive(request, range.length, sink, signal);
    if (answer === undefined) return undefined;
    const header = (name: string) => answer.headers.get(name);
    checkRange({ status: answer.status, header }, info, range);
    return this.#readAnswer(header);
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    const request = await this.#getRequest(info, range);
    const response = await this.#requests.send(request, signal).catch((error: unknown) => {
      if (!isExecutorError(error, "Conflict")) throw error;
      throw ExecutorError.wrap(error, `${info.key} was replaced while it was read`);
    });
    try {
      checkRange(headOf(response), info, range);
    } catch (error) {
      response.body.destroy();
      throw error;
    }
    return {
      chunks: readBody(response.body, this.#requests.bodyOptions(request)),
      ...this.#readAnswer((name) => response.headers[name]?.toString()),
    };
  }

  async crc32(info: ObjectInfo, signal: AbortSignal): Promise<number | undefined> {
    const isInParts = /-\d+"?$/.test(info.etag ?? "");
    if (!isInParts || !this.#mayKnowCrc32) return undefined;
    const headers = { ...(await this.#encryption.forBytes(info.key)), "x-amz-checksum-mode": "ENABLED" };
    const response = await this.#requests.send({ method: "HEAD", key: info.key, headers }, signal);
    response.body.resume();
    if (response.headers.etag !== info.etag) return undefined;
    return decodeCrc32(response.headers["x-amz-checksum-crc32"]?.toString());
  }

  async put(key: string, payload: Payload, contentType: string, signal: AbortSignal): Promise<void> {
    const sha256 = (await digestOf("sha256", payload)).toString("hex");
    const headers = {
      ...(await this.#encryption.forWriting(key)),
      "content-type": contentType,
      "content-md5": await contentMd5(payload),
      [sha256Header]: sha256,
    };
    const request: S3Request = { method: "PUT", key, headers, payload, sha256 };
    const response = await this.#requests.send(request, signal);
    await discardBody(response.body, this.#requests.bodyOptions(request));
    // What answers without one is no store that has taken the object.
    tagOf(headOf(response).header("etag"), key);
  }

  /**
   * Offers to send CRC-32s. A store that knows them says so in its answer; one that ignores them does not, and one that
   * refuses what it does not know is asked again without: nothing has been sent yet that could be lost.
   */
  async startUpload(key: string, contentType: string, signal: AbortSignal): Promise<MultipartUpload> {
    const headers = { ...(await this.#encryption.forWriting(key)), "content-type": contentType };
    if (!this.#mayKnowCrc32) return await this.#startUpload(key, headers, signal);
    try {
      return await this.#startUpload(key, { ...headers, ...crc32Offer }, signal);
    } catch (error) {
      if (!isExecutorError(error, "BadRequest", "Forbidden", "Unauthorized", "Unsupported")) throw error;
      const upload = await this.#startUpload(key, headers, signal);
      this.#mayKnowCrc32 = false;
      return upload;
    }
  }

  async putPart(
    key: string,
    upload: MultipartUpload,
    number: number,
    payload: Payload,
    signal: AbortSignal,
  ): Promise<UploadedPart> {
    const crc32 = upload.keepsCrc32 ? await crc32Of(payload) : undefined;
    const headers: Record<string, string> = {
      ...(await this.#encryption.forBytes(key)),
      ...(crc32 === undefined
        ? { "content-md5": await contentMd5(payload) }
        : { "x-amz-checksum-crc32": encodeCrc32(crc32) }),
    };
    const query = { partNumber: String(number), uploadId: upload.id };
    const request: S3Request = { method: "PUT", key, query, headers, payload };
    const response = await this.#requests.send(request, signal);
    await discardBody(response.body, this.#requests.bodyOptions(request));
    const { etag } = response.headers;
    if (etag === undefined) throw new ExecutorError("Transient", `part ${number} was stored without an ETag`);
    return { number, sizeBytes: payload.sizeBytes ?? 0, etag, crc32 };
  }

  async completeUpload(
    key: string,
    upload: MultipartUpload,
    parts: readonly UploadedPart[],
    signal: AbortSignal,
  ): Promise<void> {
    const headers = {
      ...(await this.#encryption.forBytes(key)),
      "content-type": "application/xml",
      ...(upload.keepsCrc32 ? wholeCrc32(parts) : {}),
    };
    const payload = payloadOf(Buffer.from(listParts(parts)));
    throwIfFailed(
      await this.#requests.sendForText(
        { method: "POST", key, query: { uploadId: upload.id }, headers, payload },
        signal,
      ),
    );
  }

  async abortUpload(key: string, upload: MultipartUpload, signal: AbortSignal): Promise<void> {
    try {
      await this.#sendAndForget({ method: "DELETE", key, query: { uploadId: upload.id } }, signal);
    } catch (error) {
      if (!isExecutorError(error, "NotFound")) throw error;
    }
  }

  async list(
    prefix: string,
    after: string | undefined,
    pageSize: number,
    signal: AbortSignal,
  ): Promise<ListPage> {
    const query: Record<string, string> = {
      "list-type": "2",
      // Keys may hold characters that XML cannot carry.
      "encoding-type": "url",
      "max-keys": String(pageSize),
      prefix,
      ...(after === undefined ? {} : { "start-after": after }),
    };
    const xml = await this.#requests.sendForText({ method: "GET", query }, signal).catch((error: unknown) => {
      // A listing asks for the bucket: what is missing is never an object, and optional inputs must not hide that.
      if (!isExecutorError(error, "NotFound")) throw error;
      throw new ExecutorError("BadRequest", "The specified bucket does not exist", { cause: error });
    });
    if (!xml.includes("<ListBucketResult") || !/<\/ListBucketResult>\s*$/.test(xml)) throw notAListing();
    const isEncoded = textOf(xml, "EncodingType") === "url";
    const objects = elements(xml, "Contents").map((item) => {
      const key = textOf(item, "Key") ?? "";
      return toInfo(
        isEncoded ? decodeKey(key) : key,
        sizeOf(textOf(item, "Size"), "the listing names no size"),
        textOf(item, "ETag"),
      );
    });
    checkPage(objects, prefix, after);
    const hasMore = textOf(xml, "IsTruncated") === "true";
    if (hasMore && objects.length === 0) throw notAListing();
    return { objects, next: hasMore ? objects.at(-1)?.key : undefined };
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    await this.#sendAndForget({ method: "DELETE", key }, signal);
  }

  async deleteBatch(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>> {
    if (keys.some(isBeyondXml))
      throw new ExecutorError("Unsupported", "a key holds characters that XML cannot carry");
    if (this.#requests.config.endpoint.kind === "google") {
      throw new ExecutorError("Unsupported", "Google Cloud Storage has no batch deletion");
    }
    const items = keys.map((key) => `<Object><Key>${encodeXml(key)}</Key></Object>`).join("");
    const payload = payloadOf(
      Buffer.from(`<Delete xmlns="${namespace}"><Quiet>true</Quiet>${items}</Delete>`),
    );
    const headers = { "content-md5": await contentMd5(payload), "content-type": "application/xml" };
    const xml = await this.#requests.sendForText(
      { method: "POST", query: { delete: "" }, headers, payload },
      signal,
    );
    const failures = new Map<string, Error>();
    for (const item of elements(xml, "Error")) {
      const code = textOf(item, "Code") ?? "";
      const message = textOf(item, "Message") ?? "";
      const noDetail = {
        region: undefined,
        serverTime: undefined,
        retryAfterMs: undefined,
        transientByPattern: false,
      };
      const error = toError({ status: 400, code, message, ...noDetail });
      if (error.code !== "NotFound") failures.set(textOf(item, "Key") ?? "", error);
    }
    return failures;
  }

  async #getRequest(info: ObjectInfo, range: ByteRange | undefined): Promise<S3Request> {
    const headers: Record<string, string> = { ...(await this.#encryption.forBytes(info.key)) };
    if (info.etag !== undefined) headers["if-match"] = info.etag;
    // A range that is all of the object is asked for as such: not every store knows ranges.
    const isWhole = range === undefined || (range.offset === 0 && range.length === info.sizeBytes);
    if (!isWhole) headers.range = `bytes=${range.offset}-${range.offset + range.length - 1}`;
    return { method: "GET", key: info.key, headers };
  }

  async #startUpload(
    key: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<MultipartUpload> {
    const request: S3Request = { method: "POST", key, query: { uploads: "" }, headers };
    const response = await this.#requests.send(request, signal);
    const xml = await readText(response.body, answerMaxBytes, this.#requests.bodyOptions(request));
    const id = textOf(xml, "UploadId");
    if (id === undefined) {
      throw new ExecutorError("Unsupported", "the store began a multipart upload without an UploadId");
    }
    const keepsCrc32 = Object.entries(crc32Offer).every(([name, value]) => response.headers[name] === value);
    return { id, keepsCrc32 };
  }

  #readAnswer(header: (name: string) => string | undefined): ReadAnswer {
    const encryption = header("x-amz-server-side-encryption") ?? "AES256";
    return {
      provesMd5: !this.#encryption.hidesMd5 && encryption === "AES256",
      sha256: /^[0-9a-f]{64}$/.exec(header(sha256Header) ?? "")?.[0],
    };
  }

  async #sendAndForget(request: S3Request, signal: AbortSignal): Promise<void> {
    const response = await this.#requests.send(request, signal);
    await discardBody(response.body, this.#requests.bodyOptions(request));
  }
}

const answerMaxBytes = 64 * 1024;

function headOf({ status, headers }: HttpResponse): AnswerHead {
  return { status, header: (name) => headers[name]?.toString() };
}

function toInfo(key: string, sizeBytes: number, etag: string | undefined): ObjectInfo {
  const md5 = /^"?([0-9a-f]{32})"?$/.exec(etag ?? "")?.[1];
  return { key, sizeBytes, etag, md5 };
}

function decodeKey(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
