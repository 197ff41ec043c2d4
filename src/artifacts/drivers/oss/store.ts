import { ExecutorError } from "../../../errors/index.ts";
import { type Payload, payloadOf } from "../../../http/index.ts";
import type { ByteRange, ByteSink } from "../../../streams/index.ts";
import type {
  ListPage,
  MultipartUpload,
  ObjectAttributes,
  ObjectInfo,
  ObjectStore,
  ReadAnswer,
  StoredBytes,
  StoreLimits,
} from "../../../transfer/index.ts";
import { type AttributeNames, attributeHeaders, readAttributes } from "../../attributes.ts";
import { contentMd5 } from "../../digests.ts";
import { checkPage, nextFilledPage, notAListing } from "../../listing-checks.ts";
import { checkRange, dateOf, isWhole, lengthOf, rangeHeader, sizeOf, tagOf } from "../../read-checks.ts";
import type { StoreAnswer, StoreRequests } from "../../store-requests.ts";
import { elements, encodeXml, isBeyondXml, textOf } from "../../xml.ts";
import { crcHeader, crcOf, expectCrc, startCrc } from "./checksum.ts";
import type { OssConfig } from "./config.ts";
import { partialError } from "./errors.ts";
import type { OssRequest } from "./requests.ts";
import { encodePath } from "./signature.ts";
import { OssUpload } from "./upload.ts";

const mib = 1024 * 1024;
const attributeNames: AttributeNames = { metadata: "x-oss-meta-", standard: "", own: [] };

/** One OSS bucket as the transfer engine sees it. */
export class OssStore implements ObjectStore {
  readonly name: string;
  readonly limits: StoreLimits = {
    checksMd5: true,
    putBytesMax: 5 * 1024 * mib,
    partBytesMin: 1 * mib,
    partBytesMax: 5 * 1024 * mib,
    partsMax: 10_000,
    deleteKeysMax: 1000,
  };
  readonly #config: OssConfig;
  readonly #requests: StoreRequests<OssRequest>;

  constructor(config: OssConfig, requests: StoreRequests<OssRequest>) {
    this.name = `${config.host}${config.pathPrefix}`;
    this.#config = config;
    this.#requests = requests;
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    const answer = await this.#requests.sendForHead({ method: "HEAD", key }, signal);
    return {
      key,
      sizeBytes: lengthOf(answer, key),
      etag: tagOf(answer.header("etag"), key),
      modifiedMs: dateOf(answer.header("last-modified")),
      attributes: readAttributes(answer.response.headers, attributeNames),
    };
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    const check = (answer: StoreAnswer) => readAnswer(answer, info, range);
    return await this.#requests.read(getRequest(info, range), check, signal);
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    const check = (answer: StoreAnswer) => readAnswer(answer, info, range);
    const into = { sizeBytes: range.length, sink };
    return await this.#requests.receive(getRequest(info, range), into, check, signal);
  }

  async put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void> {
    const headers = {
      ...attributeHeaders(attributes, attributeNames),
      "content-md5": await contentMd5(payload),
    };
    const answer = await this.#requests.sendForHead({ method: "PUT", key, headers, payload }, signal);
    tagOf(answer.header("etag"), key);
    expectCrc(answer, await crcOf(payload), key);
  }

  async startUpload(
    key: string,
    attributes: ObjectAttributes,
    signal: AbortSignal,
  ): Promise<MultipartUpload> {
    const headers = attributeHeaders(attributes, attributeNames);
    const xml = await this.#requests.sendForText(
      { method: "POST", key, query: { uploads: "" }, headers },
      signal,
    );
    const id = textOf(xml, "UploadId");
    if (id === undefined || id === "") {
      throw new ExecutorError("Transient", `${key}: the store began a multipart upload without an UploadId`);
    }
    return new OssUpload(key, id, this.#requests);
  }

  copiesFrom(source: ObjectStore): boolean {
    if (!(source instanceof OssStore)) return false;
    return serviceOf(source.#config) === serviceOf(this.#config);
  }

  async copy(source: ObjectStore, info: ObjectInfo, key: string, signal: AbortSignal): Promise<void> {
    if (!(source instanceof OssStore))
      throw new ExecutorError("Unsupported", "the source is no bucket of OSS");
    if (info.sizeBytes > copyBytesMax) {
      throw new ExecutorError("TooLarge", `${info.key} is larger than one request copies`);
    }
    const headers: Record<string, string> = {
      "x-oss-copy-source": `/${source.#config.bucket}/${encodePath(info.key)}`,
      ...(info.etag === undefined ? {} : { "x-oss-copy-source-if-match": info.etag }),
    };
    const xml = await this.#requests.sendForText({ method: "PUT", key, headers }, signal);
    if (/<CopyObjectResult[\s\S]*<\/CopyObjectResult>\s*$/.test(xml)) return;
    throw new ExecutorError("Transient", `${key}: the store did not confirm the copy`);
  }

  async list(
    prefix: string,
    after: string | undefined,
    pageSize: number,
    signal: AbortSignal,
  ): Promise<ListPage> {
    const page = await nextFilledPage((token) => this.#listPage({ prefix, after, pageSize, token }, signal));
    checkPage(page.objects, prefix, after);
    return { objects: page.objects, next: page.token === undefined ? undefined : page.objects.at(-1)?.key };
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    await this.#requests.sendForHead({ method: "DELETE", key }, signal);
  }

  async deleteBatch(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>> {
    if (keys.some(isBeyondXml))
      throw new ExecutorError("Unsupported", "a key holds characters that XML cannot carry");
    const items = keys.map((key) => `<Object><Key>${encodeXml(key)}</Key></Object>`).join("");
    // Not quiet: an answer that names what was deleted cannot be mistaken for one that says nothing.
    const payload = payloadOf(Buffer.from(`<Delete><Quiet>false</Quiet>${items}</Delete>`));
    const headers = { "content-md5": await contentMd5(payload), "content-type": "application/xml" };
    const query = { delete: "", "encoding-type": "url" };
    const xml = await this.#requests.sendForText({ method: "POST", query, headers, payload }, signal);
    if (!/<\/DeleteResult>\s*$/.test(xml))
      throw new ExecutorError("Transient", "no answer to a batch of deletions");
    const failures = new Map<string, Error>();
    for (const item of elements(xml, "Error")) {
      const error = partialError(textOf(item, "Code") ?? "", textOf(item, "Message") ?? "");
      if (error.code !== "NotFound") failures.set(decodeURIComponent(textOf(item, "Key") ?? ""), error);
    }
    const deleted = new Set(
      elements(xml, "Deleted").map((item) => decodeURIComponent(textOf(item, "Key") ?? "")),
    );
    for (const key of keys) {
      if (deleted.has(key) || failures.has(key)) continue;
      failures.set(key, new ExecutorError("Transient", "the store's answer does not say that it is deleted"));
    }
    return failures;
  }

  async #listPage(page: PageRequest, signal: AbortSignal) {
    const { prefix, after, pageSize, token } = page;
    const query: Record<string, string> = {
      "list-type": "2",
      "encoding-type": "url",
      "max-keys": String(pageSize),
      prefix,
      ...(token === undefined ? {} : { "continuation-token": token }),
      ...(after === undefined || token !== undefined ? {} : { "start-after": after }),
    };
    const xml = await this.#requests.sendForText({ method: "GET", query }, signal);
    if (!xml.includes("<ListBucketResult") || !/<\/ListBucketResult>\s*$/.test(xml)) throw notAListing();
    const objects = elements(xml, "Contents").map((item) => {
      const key = decodeURIComponent(textOf(item, "Key") ?? "");
      const sizeBytes = sizeOf(textOf(item, "Size"), `${key}: the listing names no size`);
      const etag = textOf(item, "ETag");
      // The tag of what was put whole is its MD5; that of parts says how many there are.
      const md5 = /^"?([0-9A-Fa-f]{32})"?$/.exec(etag ?? "")?.[1]?.toLowerCase();
      return { key, sizeBytes, etag, md5, modifiedMs: dateOf(textOf(item, "LastModified")) };
    });
    const isTruncated = textOf(xml, "IsTruncated") === "true";
    return { objects, token: isTruncated ? (textOf(xml, "NextContinuationToken") ?? "") : undefined };
  }
}

/** Of one CopyObject. */
const copyBytesMax = 1024 * mib;

/** The endpoint without the bucket: copies stay in one region. */
function serviceOf({ origin, pathPrefix, bucket }: OssConfig): string {
  return pathPrefix === "" ? origin.replace(`//${bucket}.`, "//") : origin;
}

interface PageRequest {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly pageSize: number;
  readonly token: string | undefined;
}

function getRequest(info: ObjectInfo, range: ByteRange | undefined): OssRequest {
  const headers: Record<string, string> = {};
  if (info.etag !== undefined) headers["if-match"] = info.etag;
  if (range !== undefined && !isWhole(info, range)) headers.range = rangeHeader(range);
  return { method: "GET", key: info.key, headers };
}

/** OSS names the CRC-64 of the whole object with every answer, whatever range was asked for. */
function readAnswer(head: StoreAnswer, info: ObjectInfo, range: ByteRange | undefined): ReadAnswer {
  if (info.etag !== undefined && tagOf(head.header("etag"), info.key) !== info.etag) {
    throw new ExecutorError("Conflict", `${info.key} was replaced while it was read`);
  }
  checkRange(head, info, range);
  const expected = head.header(crcHeader);
  const digest = expected === undefined ? undefined : { name: "CRC-64", expected, start: startCrc };
  const attributes = readAttributes(head.response.headers, attributeNames);
  return { provesMd5: false, sha256: undefined, digest, attributes };
}
