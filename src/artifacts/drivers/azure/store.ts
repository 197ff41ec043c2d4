import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import type { Payload } from "../../../http/index.ts";
import type { ByteRange, ByteSink } from "../../../streams/index.ts";
import type {
  ListPage,
  MultipartUpload,
  ObjectAttributes,
  ObjectInfo,
  ObjectStore,
  ReadAnswer,
  StoredBytes,
  StoredDigest,
  StoreLimits,
} from "../../../transfer/index.ts";
import { type AttributeNames, attributeHeaders, readAttributes } from "../../attributes.ts";
import { contentMd5, crc32Running } from "../../digests.ts";
import { checkPrefix, nextFilledPage, notAListing } from "../../listing-checks.ts";
import {
  type AnswerHead,
  checkRange,
  dateOf,
  expectStatus,
  isWhole,
  lengthOf,
  rangeHeader,
  sizeOf,
  tagOf,
} from "../../read-checks.ts";
import type { StoreAnswer, StoreRequests } from "../../store-requests.ts";
import { elements, textOf } from "../../xml.ts";
import { readBatchAnswer } from "./batch.ts";
import { BlockUpload, crcMetadata } from "./block-upload.ts";
import type { AzureConfig } from "./config.ts";
import { type AzureRequest, batchBoundary } from "./requests.ts";
import { encodePath } from "./signature.ts";

const mib = 1024 * 1024;
/** The CRC-32 of a blob of many blocks, in hex: Azure keeps no checksum of those by itself. */
const attributeNames: AttributeNames = {
  metadata: "x-ms-meta-",
  standard: "x-ms-blob-",
  own: [crcMetadata, "hdi_isfolder"],
};

const copyPollMs = 500;

/** One container of Azure Blob Storage as the transfer engine sees it. */
export class AzureStore implements ObjectStore {
  readonly name: string;
  readonly limits: StoreLimits = {
    checksMd5: true,
    putBytesMax: 5000 * mib,
    partBytesMin: mib,
    partBytesMax: 4000 * mib,
    partsMax: 50_000,
    deleteKeysMax: 256,
    listsFromAnyKey: false,
    listsInOrder: false,
  };
  readonly #config: AzureConfig;
  readonly #requests: StoreRequests<AzureRequest>;

  constructor(config: AzureConfig, requests: StoreRequests<AzureRequest>) {
    this.name = `${config.host}${config.servicePath}/${config.container}`;
    this.#config = config;
    this.#requests = requests;
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    const answer = await this.#requests.sendForHead({ method: "HEAD", blob: checkedKey(key) }, signal);
    const isFolder =
      answer.header("x-ms-resource-type") === "directory" ||
      answer.header("x-ms-meta-hdi_isfolder") === "true";
    return {
      key,
      sizeBytes: lengthOf(answer, key),
      etag: tagOf(answer.header("etag"), key),
      isFolder,
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

  /** The service checks the MD5, and keeps it with the blob. */
  async put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void> {
    const headers = {
      "x-ms-blob-type": "BlockBlob",
      ...attributeHeaders(attributes, attributeNames),
      "content-md5": await contentMd5(payload),
    };
    const answer = await this.#requests.sendForHead(
      { method: "PUT", blob: checkedKey(key), headers, payload },
      signal,
    );
    tagOf(answer.header("etag"), key);
  }

  /** Blocks need no beginning. */
  async startUpload(key: string, attributes: ObjectAttributes): Promise<MultipartUpload> {
    return new BlockUpload(checkedKey(key), attributeHeaders(attributes, attributeNames), this.#requests);
  }

  copiesFrom(source: ObjectStore): boolean {
    if (!(source instanceof AzureStore)) return false;
    const [ours, theirs] = [this.#config, source.#config];
    return ours.origin === theirs.origin && ours.account === theirs.account;
  }

  /** Inside one account a copy is done when it is answered, or some time after; the blob is pending until then. */
  async copy(source: ObjectStore, info: ObjectInfo, key: string, signal: AbortSignal): Promise<void> {
    if (!(source instanceof AzureStore))
      throw new ExecutorError("Unsupported", "the source is no container of Azure's");
    const { origin, servicePath, container } = source.#config;
    const headers: Record<string, string> = {
      "x-ms-copy-source": `${origin}${servicePath}/${container}/${encodePath(checkedKey(info.key))}`,
      ...(info.etag === undefined ? {} : { "x-ms-source-if-match": info.etag }),
    };
    const answer = await this.#requests.sendForHead(
      { method: "PUT", blob: checkedKey(key), headers },
      signal,
    );
    expectStatus(answer, 202, key);
    let status = answer.header("x-ms-copy-status");
    while (status === "pending") {
      // The service tells by being asked, and by nothing else.
      await pause(copyPollMs, undefined, { signal });
      const now = await this.#requests.sendForHead({ method: "HEAD", blob: key }, signal);
      status = now.header("x-ms-copy-status");
    }
    if (status === "success") return;
    throw new ExecutorError(
      "Transient",
      `${key}: the copy inside Azure ended as ${status ?? "nobody knows what"}`,
    );
  }

  async list(
    prefix: string,
    after: string | undefined,
    pageSize: number,
    signal: AbortSignal,
  ): Promise<ListPage> {
    const page = await nextFilledPage((token) => this.#listPage(prefix, token ?? after, pageSize, signal));
    checkPrefix(page.objects, prefix);
    if (page.token !== undefined && page.token === after) throw notAListing();
    return { objects: page.objects, next: page.token };
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.#requests.sendForHead(deleteRequest(key), signal);
      expectStatus(answer, 202, key);
    } catch (error) {
      if (!isExecutorError(error, "NotFound")) throw error;
    }
  }

  async deleteBatch(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>> {
    const query = { restype: "container", comp: "batch" };
    const headers = { "content-type": `multipart/mixed; boundary=${batchBoundary}` };
    const batch = keys.map(deleteRequest);
    try {
      const request: AzureRequest = { method: "POST", query, headers, batch };
      return readBatchAnswer(await this.#requests.sendForText(request, signal), keys);
    } catch (error) {
      // Some signatures and some accounts allow each deletion and no batch of them.
      if (!isExecutorError(error, "Forbidden", "Unauthorized", "BadRequest", "NotFound")) throw error;
      throw new ExecutorError("Unsupported", "the account takes no batches", { cause: error });
    }
  }

  async #listPage(prefix: string, marker: string | undefined, pageSize: number, signal: AbortSignal) {
    const query: Record<string, string> = {
      restype: "container",
      comp: "list",
      include: "metadata",
      maxresults: String(pageSize),
      ...(prefix === "" ? {} : { prefix }),
      ...(marker === undefined ? {} : { marker }),
    };
    const xml = await this.#requests.sendForText({ method: "GET", query }, signal);
    if (!xml.includes("<EnumerationResults") || !/<\/EnumerationResults>\s*$/.test(xml)) throw notAListing();
    const objects = elements(xml, "Blob").map(toInfo);
    const next = textOf(xml, "NextMarker");
    return { objects, token: next === "" ? undefined : next };
  }
}

function toInfo(item: string): ObjectInfo {
  const name = textOf(item, "Name") ?? "";
  const key = /<Name\s+Encoded="true"/i.test(item) ? decodeURIComponent(name) : name;
  const isFolder = textOf(item, "ResourceType") === "directory" || textOf(item, "hdi_isfolder") === "true";
  const sizeBytes = sizeOf(textOf(item, "Content-Length"), `${key}: the listing names no size`);
  const tag = textOf(item, "Etag");
  // Listings write the tag without its quotes, answers with them.
  return {
    key,
    sizeBytes,
    etag: tag === undefined || tag.startsWith('"') ? tag : `"${tag}"`,
    md5: md5Of(textOf(item, "Content-MD5")),
    modifiedMs: dateOf(textOf(item, "Last-Modified")),
    isFolder,
  };
}

/** The MD5 that is kept with a blob, in hex. Whoever wrote it may have named any; it is checked against what is read. */
function md5Of(base64: string | undefined): string | undefined {
  const bytes = Buffer.from(base64 ?? "", "base64");
  return bytes.byteLength === 16 ? bytes.toString("hex") : undefined;
}

function getRequest(info: ObjectInfo, range: ByteRange | undefined): AzureRequest {
  const headers: Record<string, string> = {};
  if (info.etag !== undefined) headers["if-match"] = info.etag;
  if (range !== undefined && !isWhole(info, range)) headers.range = rangeHeader(range);
  return { method: "GET", blob: checkedKey(info.key), headers };
}

function deleteRequest(key: string): AzureRequest {
  return { method: "DELETE", blob: checkedKey(key), headers: { "x-ms-delete-snapshots": "include" } };
}

function readAnswer(head: StoreAnswer, info: ObjectInfo, range: ByteRange | undefined): ReadAnswer {
  if (info.etag !== undefined && tagOf(head.header("etag"), info.key) !== info.etag) {
    throw new ExecutorError("Conflict", `${info.key} was replaced while it was read`);
  }
  checkRange(head, info, range);
  return {
    provesMd5: false,
    sha256: undefined,
    attributes: readAttributes(head.response.headers, attributeNames),
    digest: digestOf(head, range === undefined || isWhole(info, range)),
  };
}

/** A blob that was put whole has its MD5, one that came in blocks the CRC-32 that we left with it. */
function digestOf(head: AnswerHead, whole: boolean): StoredDigest | undefined {
  if (head.header("x-ms-blob-type") !== "BlockBlob") return undefined;
  const crc = head.header(`x-ms-meta-${crcMetadata}`);
  if (crc !== undefined) return { name: "CRC-32", expected: crc, start: crc32Running };
  const md5 = head.header("x-ms-blob-content-md5") ?? (whole ? head.header("content-md5") : undefined);
  return md5 === undefined ? undefined : { name: "MD5", expected: md5, start: startMd5 };
}

function startMd5() {
  const hash = createHash("md5");
  return { update: (bytes: Uint8Array) => void hash.update(bytes), value: () => hash.digest("base64") };
}

/** The service takes `.` and `..` for steps in a path, so that the blob would have another name. */
function checkedKey(key: string): string {
  const isStep = key.split("/").some((element) => element === "." || element === "..");
  if (!isStep && key.length <= 1024) return key;
  const why = isStep
    ? 'must not have "." or ".." between slashes'
    : "must not be longer than 1,024 characters";
  throw new ExecutorError("BadRequest", `the blob ${JSON.stringify(key.slice(0, 100))} ${why} in Azure`);
}
