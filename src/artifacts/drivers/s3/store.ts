import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { type Payload, payloadOf } from "../../../http/index.ts";
import type { ByteRange, ByteSink } from "../../../streams/index.ts";
import {
  type CopyTarget,
  compareKeys,
  type ListPage,
  type MultipartCopy,
  type MultipartUpload,
  type ObjectAttributes,
  type ObjectInfo,
  type ObjectStore,
  type ReadAnswer,
  type StoredBytes,
  type StoreLimits,
} from "../../../transfer/index.ts";
import { type AttributeNames, attributeHeaders, readAttributes } from "../../attributes.ts";
import { contentMd5, decodeCrc32, digestOf } from "../../digests.ts";
import { checkRange, dateOf, isWhole, lengthOf, rangeHeader } from "../../read-checks.ts";
import type { StoreAnswer, StoreRequests } from "../../store-requests.ts";
import { elements, encodeXml, isBeyondXml, namespace, textOf } from "../../xml.ts";
import type { S3Config } from "./config.ts";
import type { Encryption } from "./encryption.ts";
import { errorOf } from "./errors.ts";
import { expectDocument, type S3Request, throwIfFailed } from "./requests.ts";
import { encodePath } from "./signature.ts";
import { S3Upload } from "./upload.ts";

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
    checksMd5: true,
    putBytesMax: 5 * 1024 * mib,
    partBytesMin: 5 * mib,
    partBytesMax: 5 * 1024 * mib,
    partsMax: 10_000,
    deleteKeysMax: 1000,
    copyBytesMax: 5 * 1024 * mib,
  };
  readonly #config: S3Config;
  readonly #requests: StoreRequests<S3Request>;
  readonly #encryption: Encryption;
  #mayKnowCrc32: boolean;
  #takesSha256 = true;
  /** True where each PUT so far was answered with the MD5 of what arrived; undefined before the first. */
  #answersMd5: boolean | undefined;
  /** Where the page that follows a key is continued, as the store said with the page before. */
  readonly #tokens = new Map<string, string>();

  constructor(config: S3Config, requests: StoreRequests<S3Request>, encryption: Encryption) {
    const { endpoint, bucket } = config;
    this.#config = config;
    this.name = `${endpoint.authority}/${bucket}`;
    this.#requests = requests;
    this.#encryption = encryption;
    // These are known not to: Google's endpoint and Alibaba's refuse or ignore what they do not know.
    this.#mayKnowCrc32 = endpoint.kind !== "google" && endpoint.kind !== "aliyun";
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    const headers = await this.#encryption.forBytes(key);
    const answer = await this.#requests.sendForHead({ method: "HEAD", key, headers }, signal);
    const info = toInfo(key, lengthOf(answer, key), answer.header("etag"), answer.header("last-modified"));
    const { provesMd5, attributes } = this.#readAnswer(answer);
    return { ...info, md5: provesMd5 ? info.md5 : undefined, attributes };
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    const request = await this.#getRequest(info, range);
    const check = this.#checkOf(info, range);
    const into = { sizeBytes: range.length, sink };
    return await explained(info, this.#requests.receive(request, into, check, signal));
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    const request = await this.#getRequest(info, range);
    const check = this.#checkOf(info, range);
    return await explained(info, this.#requests.read(request, check, signal));
  }

  async crc32(info: ObjectInfo, signal: AbortSignal): Promise<number | undefined> {
    const isInParts = /-\d+"?$/.test(info.etag ?? "");
    if (!isInParts || !this.#mayKnowCrc32) return undefined;
    const headers = { ...(await this.#encryption.forBytes(info.key)), "x-amz-checksum-mode": "ENABLED" };
    const answer = await this.#requests.sendForHead({ method: "HEAD", key: info.key, headers }, signal);
    return answer.header("etag") === info.etag
      ? decodeCrc32(answer.header("x-amz-checksum-crc32"))
      : undefined;
  }

  /**
   * Leaves the SHA-256 with the object. A policy may forbid headers that it does not know, and a signature may not cover
   * them: such a store gets the object without, then and from then on. A store that tells the MD5 of what arrived need not
   * compute that SHA-256, too (docs/decisions/0014-parts-signed-by-their-checksum.md).
   */
  async put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void> {
    const sha256 = (await digestOf("sha256", payload)).toString("hex");
    const md5 = await digestOf("md5", payload);
    const headers = {
      ...(await this.#encryption.forWriting(key)),
      ...attributeHeaders(attributes, attributeNames),
      "content-md5": md5.toString("base64"),
    };
    const request = { method: "PUT", key, headers, payload, sha256 } as const;
    if (!this.#takesSha256) return await this.#putChecked(request, md5, signal);
    try {
      await this.#putChecked({ ...request, headers: { ...headers, [sha256Header]: sha256 } }, md5, signal);
    } catch (error) {
      if (!isExecutorError(error, "BadRequest", "Forbidden", "Unauthorized", "Unsupported")) throw error;
      await this.#putChecked(request, md5, signal);
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

  copiesFrom(source: ObjectStore): boolean {
    if (!(source instanceof S3Store)) return false;
    const [ours, theirs] = [this.#config.endpoint, source.#config.endpoint];
    return ours.scheme === theirs.scheme && ours.authority === theirs.authority;
  }

  async copy(source: ObjectStore, info: ObjectInfo, key: string, signal: AbortSignal): Promise<void> {
    if (!(source instanceof S3Store)) throw new ExecutorError("Unsupported", "the source is no S3 store");
    if (info.sizeBytes > (this.limits.copyBytesMax ?? 0)) {
      throw new ExecutorError("TooLarge", `${info.key} is larger than one request copies`);
    }
    const headers = { ...(await this.#encryption.forWriting(key)), ...(await source.#asCopySource(info)) };
    const xml = await explained(info, this.#requests.sendForText({ method: "PUT", key, headers }, signal));
    // The head of the answer may have come before the copying failed.
    expectDocument(xml, "CopyObjectResult");
  }

  /** Without checksums: those of ranges of another object nobody has. */
  async startCopy(
    source: ObjectStore,
    info: ObjectInfo,
    { key, attributes }: CopyTarget,
    signal: AbortSignal,
  ): Promise<MultipartCopy> {
    if (!(source instanceof S3Store)) throw new ExecutorError("Unsupported", "the source is no S3 store");
    const headers = {
      ...(await this.#encryption.forWriting(key)),
      ...attributeHeaders(attributes, attributeNames),
    };
    const upload = await this.#startUpload(key, headers, signal);
    return {
      copy: async (number, range, during) => {
        const from = await source.#asCopySource(info);
        await explained(info, upload.copy(number, { headers: from, range }, during));
      },
      complete: (during) => upload.complete(during),
      abort: (during) => upload.abort(during),
    };
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
    await (await this.#requests.send({ method: "DELETE", key }, signal)).text();
  }

  async deleteBatch(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>> {
    if (keys.some(isBeyondXml))
      throw new ExecutorError("Unsupported", "a key holds characters that XML cannot carry");
    if (this.#config.endpoint.kind === "google") {
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
      const error = errorOf(textOf(item, "Code") ?? "", textOf(item, "Message") ?? "");
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
      "x-amz-copy-source": `/${this.#config.bucket}/${encodePath(key)}`,
      ...(etag === undefined ? {} : { "x-amz-copy-source-if-match": etag }),
    };
  }

  async #getRequest(info: ObjectInfo, range: ByteRange | undefined): Promise<S3Request> {
    const headers: Record<string, string> = { ...(await this.#encryption.forBytes(info.key)) };
    if (info.etag !== undefined) headers["if-match"] = info.etag;
    if (range !== undefined && !isWhole(info, range)) headers.range = rangeHeader(range);
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
    // What is cut out of a page keeps all of the page in memory.
    this.#tokens.set(copied(place), copied(token));
  }

  /** What was answered with another tag than the MD5 goes once more, with its hash in the signature. */
  async #putChecked(request: S3Request, md5: Buffer, signal: AbortSignal): Promise<void> {
    const hasChecksum = this.#answersMd5 === true;
    const etag = await this.#putOnce({ ...request, hasChecksum }, signal);
    const isMd5 = /^"?([0-9a-f]{32})"?$/i.exec(etag)?.[1]?.toLowerCase() === md5.toString("hex");
    this.#answersMd5 = isMd5 && this.#answersMd5 !== false;
    if (hasChecksum && !isMd5) await this.#putOnce(request, signal);
  }

  /** Resolves to the tag that the object got. */
  async #putOnce(request: S3Request, signal: AbortSignal): Promise<string> {
    const answer = await this.#requests.send(request, signal);
    throwIfFailed(await answer.text(answerBytesMax));
    const etag = answer.header("etag");
    if (etag !== undefined) return etag;
    const text = `${request.key}: the answer to PUT has no ETag: it is not the store's; is a proxy in the way?`;
    throw new ExecutorError("Transient", text);
  }

  async #startUpload(
    key: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<S3Upload> {
    const request: S3Request = { method: "POST", key, query: { uploads: "" }, headers };
    const answer = await this.#requests.send(request, signal);
    const id = textOf(await answer.text(answerBytesMax), "UploadId");
    if (id === undefined) {
      throw new ExecutorError("Unsupported", "the store began a multipart upload without an UploadId");
    }
    const keepsCrc32 = Object.entries(crc32Offer).every(([name, value]) => answer.header(name) === value);
    return new S3Upload({ key, id, keepsCrc32 }, this.#requests, this.#encryption);
  }

  #checkOf(info: ObjectInfo, range: ByteRange | undefined): (answer: StoreAnswer) => ReadAnswer {
    return (answer) => {
      checkRange(answer, info, range);
      return this.#readAnswer(answer);
    };
  }

  #readAnswer(answer: StoreAnswer): ReadAnswer {
    const encryption = answer.header("x-amz-server-side-encryption") ?? "AES256";
    return {
      provesMd5: !this.#encryption.hidesMd5 && encryption === "AES256",
      sha256: /^[0-9a-f]{64}$/.exec(answer.header(sha256Header) ?? "")?.[0],
      // Few ask.
      get attributes() {
        return readAttributes(answer.response.headers, attributeNames);
      },
    };
  }
}

/** The answer to a request for bytes that must be those of `info`. */
async function explained<T>(info: ObjectInfo, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isExecutorError(error, "Conflict")) throw error;
    throw ExecutorError.wrap(error, `${info.key} was replaced while it was read`);
  }
}

/** The headers that open an object, for one that is copied. */
function copySourceHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.replace("x-amz-", "x-amz-copy-source-"), value]),
  );
}

const answerBytesMax = 64 * 1024;
/** A store that says so often that there is more, and shows nothing, will never show anything. */
const emptyPagesMax = 100;
const tokensMax = 1000;

/** The same text in memory of its own. */
function copied(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
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
