import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import {
  discardBody,
  type HttpResponse,
  type Payload,
  payloadOf,
  readBody,
  readText,
} from "../../../http/index.ts";
import { appendTo, type ByteRange, type ByteSink } from "../../../streams/index.ts";
import {
  type CopiedPart,
  compareKeys,
  type ListPage,
  type MultipartUpload,
  type ObjectAttributes,
  type ObjectInfo,
  type ObjectStore,
  type ReadAnswer,
  type StoredBytes,
  type StoreLimits,
  type UploadedPart,
} from "../../../transfer/index.ts";
import { type AttributeNames, attributeHeaders, readAttributes } from "../../attributes.ts";
import { contentMd5, crc32Of, decodeCrc32, digestOf, encodeCrc32 } from "../../digests.ts";
import { type AnswerHead, checkRange, dateOf, lengthOf, tagOf } from "../../read-checks.ts";
import { elements, encodeXml, isBeyondXml, namespace, textOf } from "../../xml.ts";
import { listParts, wholeCrc32 } from "./completion.ts";
import type { Encryption } from "./encryption.ts";
import { toError } from "./errors.ts";
import { expectDocument, type S3Request, type S3Requests, throwIfFailed } from "./requests.ts";
import { encodePath } from "./signature.ts";

const mib = 1024 * 1024;
/** The SHA-256 of an object that was stored whole, in hex. */
const sha256Header = "x-amz-meta-outrider-sha256";
const attributeNames: AttributeNames = { metadata: "x-amz-meta-", standard: "", own: ["outrider-sha256"] };
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
    copyMaxBytes: 5 * 1024 * mib,
  };
  readonly #requests: S3Requests;
  readonly #encryption: Encryption;
  #mayKnowCrc32: boolean;
  #takesSha256 = true;
  /** Where the page that follows a key is continued, as the store said with the page before. */
  readonly #tokens = new Map<string, string>();

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
    const info = toInfo(key, lengthOf(head, key), head.header("etag"), head.header("last-modified"));
    const { provesMd5, attributes } = this.#readAnswer(response);
    return { ...info, md5: provesMd5 ? info.md5 : undefined, attributes };
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    const request = await this.#getRequest(info, range);
    const answer = await this.#explained(info, this.#requests.receive(request, range.length, sink, signal));
    expectRange(answer, info, range);
    const options = this.#requests.bodyOptions(request);
    if (!answer.isInSink) for await (const chunk of readBody(answer.body, options)) appendTo(sink, chunk);
    return this.#readAnswer(answer);
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    const request = await this.#getRequest(info, range);
    const response = await this.#explained(info, this.#requests.send(request, signal));
    expectRange(response, info, range);
    return {
      chunks: readBody(response.body, this.#requests.bodyOptions(request)),
      ...this.#readAnswer(response),
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

  /**
   * Leaves the SHA-256 with the object. A policy may forbid headers that it does not know, and a signature may not cover
   * them: such a store gets the object without, then and from then on.
   */
  async put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void> {
    const sha256 = (await digestOf("sha256", payload)).toString("hex");
    const headers = {
      ...(await this.#encryption.forWriting(key)),
      ...attributeHeaders(attributes, attributeNames),
      "content-md5": await contentMd5(payload),
    };
    const request = { method: "PUT", key, headers, payload, sha256 } as const;
    if (!this.#takesSha256) return await this.#putOnce(request, signal);
    try {
      await this.#putOnce({ ...request, headers: { ...headers, [sha256Header]: sha256 } }, signal);
    } catch (error) {
      if (!isExecutorError(error, "BadRequest", "Forbidden", "Unauthorized", "Unsupported")) throw error;
      await this.#putOnce(request, signal);
      this.#takesSha256 = false;
    }
  }

  /**
   * Offers to send CRC-32s. A store that knows them says so in its answer; one that ignores them does not, and one that
   * refuses what it does not know is asked again without: nothing has been sent yet that could be lost.
   */
  async startUpload(
    key: string,
    attributes: ObjectAttributes,
    signal: AbortSignal,
  ): Promise<MultipartUpload> {
    const headers = {
      ...(await this.#encryption.forWriting(key)),
      ...attributeHeaders(attributes, attributeNames),
    };
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
    const etag = tagOf(response.headers.etag, `part ${number} of ${key}`);
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
    const xml = await this.#requests.sendForText(
      { method: "POST", key, query: { uploadId: upload.id }, headers, payload },
      signal,
    );
    expectDocument(xml, "CompleteMultipartUploadResult");
  }

  async abortUpload(key: string, upload: MultipartUpload, signal: AbortSignal): Promise<void> {
    try {
      await this.#sendAndForget({ method: "DELETE", key, query: { uploadId: upload.id } }, signal);
    } catch (error) {
      if (!isExecutorError(error, "NotFound")) throw error;
    }
  }

  copiesFrom(source: ObjectStore): boolean {
    if (!(source instanceof S3Store)) return false;
    const [ours, theirs] = [this.#requests.config.endpoint, source.#requests.config.endpoint];
    return ours.scheme === theirs.scheme && ours.authority === theirs.authority;
  }

  async copy(source: ObjectStore, info: ObjectInfo, key: string, signal: AbortSignal): Promise<void> {
    if (!(source instanceof S3Store)) throw new ExecutorError("Unsupported", "the source is no S3 store");
    if (info.sizeBytes > (this.limits.copyMaxBytes ?? 0)) {
      throw new ExecutorError("TooLarge", `${info.key} is larger than one request copies`);
    }
    const headers = { ...(await this.#encryption.forWriting(key)), ...(await source.#asCopySource(info)) };
    const xml = await this.#explained(
      info,
      this.#requests.sendForText({ method: "PUT", key, headers }, signal),
    );
    // The head of the answer may have come before the copying failed.
    expectDocument(xml, "CopyObjectResult");
  }

  /** Without checksums: those of ranges of another object nobody has. */
  async startCopy(key: string, attributes: ObjectAttributes, signal: AbortSignal): Promise<MultipartUpload> {
    const headers = {
      ...(await this.#encryption.forWriting(key)),
      ...attributeHeaders(attributes, attributeNames),
    };
    return { ...(await this.#startUpload(key, headers, signal)), keepsCrc32: false };
  }

  async copyPart(
    source: ObjectStore,
    info: ObjectInfo,
    { key, upload, number, range }: CopiedPart,
    signal: AbortSignal,
  ): Promise<UploadedPart> {
    if (!(source instanceof S3Store)) throw new ExecutorError("Unsupported", "the source is no S3 store");
    const { offset, length } = range;
    const headers = {
      ...(await this.#encryption.forBytes(key)),
      ...(await source.#asCopySource(info)),
      "x-amz-copy-source-range": `bytes=${offset}-${offset + length - 1}`,
    };
    const query = { partNumber: String(number), uploadId: upload.id };
    const xml = await this.#explained(
      info,
      this.#requests.sendForText({ method: "PUT", key, query, headers }, signal),
    );
    expectDocument(xml, "CopyPartResult");
    const etag = tagOf(textOf(xml, "ETag"), `part ${number} of ${key}`);
    return { number, sizeBytes: length, etag, crc32: undefined };
  }

  async list(
    prefix: string,
    after: string | undefined,
    pageSize: number,
    signal: AbortSignal,
  ): Promise<ListPage> {
    let token = after === undefined ? undefined : this.#tokens.get(`${prefix}\n${after}`);
    // Rarely a page is empty, and others follow.
    for (let pages = 0; pages < emptyPagesMax; pages += 1) {
      const from = token === undefined ? { "start-after": after } : { "continuation-token": token };
      const page = readListing(await this.#listXml(prefix, pageSize, from, signal), prefix, after);
      const last = page.objects.at(-1)?.key;
      if (!page.isTruncated) return { objects: page.objects, next: undefined };
      if (last !== undefined) {
        if (page.token !== undefined) this.#remember(`${prefix}\n${last}`, page.token);
        return { objects: page.objects, next: last };
      }
      if (page.token === undefined || page.token === token) break;
      token = page.token;
    }
    throw new ExecutorError(
      "Unsupported",
      "the store says that its listing goes on, and comes no further: it cannot be listed",
    );
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
    // Only now is an error in it one of a key's.
    expectDocument(xml, "DeleteResult");
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
      const key = textOf(item, "Key");
      // One that names no key, or another one, may mean any of them.
      if (key === undefined || !keys.includes(key)) throw error;
      if (error.code !== "NotFound") failures.set(key, error);
    }
    return failures;
  }

  /** The headers that name an object of this store as what is copied. */
  async #asCopySource({ key, etag }: ObjectInfo): Promise<Record<string, string>> {
    return {
      ...copySourceHeaders(await this.#encryption.forBytes(key)),
      "x-amz-copy-source": `/${this.#requests.config.bucket}/${encodePath(key)}`,
      ...(etag === undefined ? {} : { "x-amz-copy-source-if-match": etag }),
    };
  }

  async #getRequest(info: ObjectInfo, range: ByteRange | undefined): Promise<S3Request> {
    const headers: Record<string, string> = { ...(await this.#encryption.forBytes(info.key)) };
    if (info.etag !== undefined) headers["if-match"] = info.etag;
    // A range that is all of the object is asked for as such: not every store knows ranges.
    const isWhole = range === undefined || (range.offset === 0 && range.length === info.sizeBytes);
    if (!isWhole) headers.range = `bytes=${range.offset}-${range.offset + range.length - 1}`;
    return { method: "GET", key: info.key, headers };
  }

  async #listXml(
    prefix: string,
    pageSize: number,
    from: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ): Promise<string> {
    const given = Object.entries(from).filter((each): each is [string, string] => each[1] !== undefined);
    const query: Record<string, string> = {
      "list-type": "2",
      // Keys may hold characters that XML cannot carry.
      "encoding-type": "url",
      "max-keys": String(pageSize),
      prefix,
      ...Object.fromEntries(given),
    };
    try {
      return await this.#requests.sendForText({ method: "GET", query }, signal);
    } catch (error) {
      // A listing asks for the bucket: what is missing is never an object, and optional inputs must not hide that.
      if (!isExecutorError(error, "NotFound")) throw error;
      throw new ExecutorError("BadRequest", "The specified bucket does not exist", { cause: error });
    }
  }

  #remember(place: string, token: string): void {
    if (this.#tokens.size >= tokensMax) this.#tokens.clear();
    this.#tokens.set(place, token);
  }

  async #putOnce(request: S3Request, signal: AbortSignal): Promise<void> {
    const response = await this.#requests.send(request, signal);
    throwIfFailed(await readText(response.body, answerMaxBytes, this.#requests.bodyOptions(request)));
    if (response.headers.etag !== undefined) return;
    const text = `${request.key}: the answer to PUT has no ETag: it is not the store's; is a proxy in the way?`;
    throw new ExecutorError("Transient", text);
  }

  async #explained<T>(info: ObjectInfo, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (!isExecutorError(error, "Conflict")) throw error;
      throw ExecutorError.wrap(error, `${info.key} was replaced while it was read`);
    }
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

  #readAnswer({ headers }: HttpResponse): ReadAnswer {
    const header = (name: string) => headers[name]?.toString();
    const encryption = header("x-amz-server-side-encryption") ?? "AES256";
    return {
      provesMd5: !this.#encryption.hidesMd5 && encryption === "AES256",
      sha256: /^[0-9a-f]{64}$/.exec(header(sha256Header) ?? "")?.[0],
      attributes: readAttributes(headers, attributeNames),
    };
  }

  async #sendAndForget(request: S3Request, signal: AbortSignal): Promise<void> {
    const response = await this.#requests.send(request, signal);
    await discardBody(response.body, this.#requests.bodyOptions(request));
  }
}

/** The headers that open an object, for one that is copied. */
function copySourceHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.replace("x-amz-", "x-amz-copy-source-"), value]),
  );
}

const answerMaxBytes = 64 * 1024;
/** A store that says so often that there is more, and shows nothing, will never show anything. */
const emptyPagesMax = 100;
const tokensMax = 1000;

/** Throws where the answer holds other bytes than were asked for; they are not read then. */
function expectRange(response: HttpResponse, info: ObjectInfo, range: ByteRange | undefined): void {
  try {
    checkRange(headOf(response), info, range);
  } catch (error) {
    response.body.destroy();
    throw error;
  }
}

interface Listing {
  readonly objects: readonly ObjectInfo[];
  readonly isTruncated: boolean;
  readonly token: string | undefined;
}

/** Throws for what is no listing, and for one that does not go on behind `after` as it was asked to. */
function readListing(xml: string, prefix: string, after: string | undefined): Listing {
  expectDocument(xml, "ListBucketResult");
  const isEncoded = textOf(xml, "EncodingType") === "url";
  const objects = elements(xml, "Contents").map((item) => {
    const text = textOf(item, "Key");
    const size = textOf(item, "Size") ?? "";
    if (text === undefined || !/^\d+$/.test(size)) {
      throw new ExecutorError("Transient", "the store's listing has an object without a key or a size");
    }
    return toInfo(
      isEncoded ? decodeKey(text) : text,
      Number(size),
      textOf(item, "ETag"),
      textOf(item, "LastModified"),
    );
  });
  const stranger = objects.find(
    ({ key }) => !key.startsWith(prefix) || (after !== undefined && compareKeys(key, after) <= 0),
  );
  if (stranger !== undefined) {
    throw new ExecutorError(
      "Unsupported",
      `the store does not list what it is asked for: ${JSON.stringify(stranger.key)} came behind ${JSON.stringify(after ?? prefix)}`,
    );
  }
  const isTruncated = textOf(xml, "IsTruncated") === "true";
  return { objects, isTruncated, token: textOf(xml, "NextContinuationToken") };
}

function headOf({ status, headers }: HttpResponse): AnswerHead {
  return { status, header: (name) => headers[name]?.toString() };
}

function toInfo(
  key: string,
  sizeBytes: number,
  etag: string | undefined,
  modified: string | undefined,
): ObjectInfo {
  const md5 = /^"?([0-9a-f]{32})"?$/.exec(etag ?? "")?.[1];
  return { key, sizeBytes, etag, md5, modifiedMs: dateOf(modified) };
}

function decodeKey(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
