import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
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
import { checkPage, nextFilledPage, notAListing } from "../../listing-checks.ts";
import { type AnswerHead, checkRange, isWhole, rangeHeader, tagOf } from "../../read-checks.ts";
import type { StoreRequests } from "../../store-requests.ts";
import type { GcsConfig } from "./config.ts";
import { crc32cOf, crc32cOfHeader, runningCrc32c } from "./crc32c.ts";
import { multipartBody, multipartType } from "./multipart-body.ts";
import { bucketPath, type GcsRequest, objectPath, rewritePath, uploadPath } from "./requests.ts";
import {
  type GcsObject,
  headFields,
  readJson,
  readResource,
  resourceFields,
  resourceOf,
} from "./resource.ts";
import { type Confirmation, ResumableUpload, type SentContent } from "./resumable-upload.ts";

const mib = 1024 * 1024;

/** One bucket of Google Cloud Storage as the transfer engine sees it. */
export class GcsStore implements ObjectStore {
  readonly name: string;
  readonly limits: StoreLimits = {
    putBytesMax: 5 * 1024 * 1024 * mib,
    partBytesMin: mib,
    partBytesMax: 5 * 1024 * mib,
    // A session takes as many chunks as there are; this many of 16 MiB are more than the largest object.
    partsMax: 400_000,
    deleteKeysMax: 1000,
    partsInOrder: true,
  };
  readonly #bucket: string;
  readonly #host: string;
  readonly #requests: StoreRequests<GcsRequest>;

  constructor(config: GcsConfig, requests: StoreRequests<GcsRequest>) {
    this.name = `${config.host}/${config.bucket}`;
    this.#bucket = config.bucket;
    this.#host = config.host;
    this.#requests = requests;
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    const path = objectPath(this.#bucket, checkedKey(key), { fields: headFields });
    const text = await this.#requests.sendForText({ method: "GET", path, isAboutObject: true }, signal);
    return readResource(readJson(text), key);
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    const check = (answer: AnswerHead) => readAnswer(answer, info, range);
    return await this.#requests.read(this.#getRequest(info, range), check, signal);
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    const check = (answer: AnswerHead) => readAnswer(answer, info, range);
    const into = { sizeBytes: range.length, sink };
    return await this.#requests.receive(this.#getRequest(info, range), into, check, signal);
  }

  /** Google refuses the object where the CRC-32C is not that of the bytes. */
  async put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void> {
    const crc32c = await crc32cOf(payload);
    const resource = { ...resourceOf(checkedKey(key), attributes), crc32c };
    const path = uploadPath(this.#bucket, { uploadType: "multipart", fields: resourceFields });
    const request: GcsRequest = {
      method: "POST",
      path,
      isAboutObject: false,
      headers: { "content-type": multipartType },
      payload: multipartBody(resource, attributes.contentType, payload),
    };
    const stored = readResource(readJson(await this.#requests.sendForText(request, signal)), key);
    await this.#expect(stored, { sizeBytes: payload.sizeBytes ?? stored.sizeBytes, crc32c }, signal);
  }

  async startUpload(
    key: string,
    attributes: ObjectAttributes,
    signal: AbortSignal,
  ): Promise<MultipartUpload> {
    const payload = payloadOf(Buffer.from(JSON.stringify(resourceOf(checkedKey(key), attributes))));
    const headers = { "content-type": "application/json", "x-upload-content-type": attributes.contentType };
    const path = uploadPath(this.#bucket, { uploadType: "resumable", fields: resourceFields });
    const answer = await this.#requests.sendForHead(
      { method: "POST", path, isAboutObject: false, headers, payload },
      signal,
    );
    const session = sessionPath(answer.header("location"));
    const confirm: Confirmation = (stored, sent, during) => this.#expect(stored, sent, during);
    return new ResumableUpload(key, session, this.#requests, confirm);
  }

  copiesFrom(source: ObjectStore): boolean {
    return source instanceof GcsStore && source.#host === this.#host;
  }

  /** Large objects between places of different kinds take several requests, each of which goes on where the last was. */
  async copy(source: ObjectStore, info: ObjectInfo, key: string, signal: AbortSignal): Promise<void> {
    if (!(source instanceof GcsStore))
      throw new ExecutorError("Unsupported", "the source is no bucket of Google's");
    const from = { bucket: source.#bucket, key: checkedKey(info.key) };
    const to = { bucket: this.#bucket, key: checkedKey(key) };
    const condition: Record<string, string> =
      info.etag === undefined ? {} : { ifSourceGenerationMatch: info.etag };
    let token: string | undefined;
    do {
      const progress: Record<string, string> = token === undefined ? {} : { rewriteToken: token };
      const path = rewritePath(from, to, { ...condition, ...progress });
      const request: GcsRequest = { method: "POST", path, isAboutObject: true };
      const answer = readJson(await this.#requests.sendForText(request, signal));
      if (answer.kind !== "storage#rewriteResponse") throw notARewrite(key);
      if (answer.done === true) {
        const stored = readResource(answer.resource, key);
        if (stored.sizeBytes === info.sizeBytes) return;
        throw new ExecutorError("Conflict", `${info.key} was replaced while it was copied`);
      }
      // A token that stays says that nothing was done.
      if (typeof answer.rewriteToken !== "string" || answer.rewriteToken === token) throw notARewrite(key);
      token = answer.rewriteToken;
    } while (token !== undefined);
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
    const path = objectPath(this.#bucket, checkedKey(key), {});
    try {
      await this.#requests.sendForHead({ method: "DELETE", path, isAboutObject: true }, signal);
    } catch (error) {
      if (!isExecutorError(error, "NotFound")) throw error;
    }
  }

  async deleteBatch(): Promise<ReadonlyMap<string, Error>> {
    throw new ExecutorError("Unsupported", "a batch of Google's is many requests in one, and no faster");
  }

  async #listPage({ prefix, after, pageSize, token }: PageRequest, signal: AbortSignal) {
    const path = bucketPath(this.#bucket, {
      // One more, for a listing begins with the very name that it is told.
      maxResults: String(after === undefined ? pageSize : pageSize + 1),
      fields: `kind,nextPageToken,items(${resourceFields})`,
      ...(prefix === "" ? {} : { prefix }),
      ...(after === undefined ? {} : { startOffset: after }),
      ...(token === undefined ? {} : { pageToken: token }),
    });
    const answer = readJson(
      await this.#requests.sendForText({ method: "GET", path, isAboutObject: false }, signal),
    );
    const { kind, items = [], nextPageToken } = answer;
    if (kind !== "storage#objects" || !Array.isArray(items)) throw notAListing();
    const objects = items.map((item) => readResource(item, undefined)).filter(({ key }) => key !== after);
    return {
      objects,
      token: typeof nextPageToken === "string" && nextPageToken !== "" ? nextPageToken : undefined,
    };
  }

  /** `accept-encoding: gzip` asks for the bytes as they are stored, with ranges and checksums. */
  #getRequest(info: ObjectInfo, range: ByteRange | undefined): GcsRequest {
    const headers: Record<string, string> = { "accept-encoding": "gzip" };
    if (range !== undefined && !isWhole(info, range)) headers.range = rangeHeader(range);
    const condition: Record<string, string> = info.etag === undefined ? {} : { ifGenerationMatch: info.etag };
    const path = objectPath(this.#bucket, checkedKey(info.key), { alt: "media", ...condition });
    return { method: "GET", path, isAboutObject: true, headers };
  }

  /** What Google has must be what was sent; otherwise it is taken away again, unless it was replaced already. */
  async #expect(stored: GcsObject, { sizeBytes, crc32c }: SentContent, signal: AbortSignal): Promise<void> {
    if (stored.sizeBytes === sizeBytes && (stored.crc32c ?? crc32c) === crc32c) return;
    const path = objectPath(this.#bucket, stored.key, { ifGenerationMatch: stored.etag });
    await this.#requests.sendForHead({ method: "DELETE", path, isAboutObject: true }, signal).catch(() => {});
    throw new ExecutorError("Corrupt", `${stored.key}: the store has got other bytes than were sent`);
  }
}

function notARewrite(key: string): ExecutorError {
  return new ExecutorError("Transient", `${key}: the answer says nothing of the copy that was asked for`);
}

interface PageRequest {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly pageSize: number;
  readonly token: string | undefined;
}

function readAnswer(head: AnswerHead, info: ObjectInfo, range: ByteRange | undefined): ReadAnswer {
  if (info.etag !== undefined && tagOf(head.header("x-goog-generation"), info.key) !== info.etag) {
    throw new ExecutorError("Conflict", `${info.key} was replaced while it was read`);
  }
  checkRange(head, info, range);
  const expected = crc32cOfHeader(head.header("x-goog-hash")) ?? (info as Partial<GcsObject>).crc32c;
  const digest =
    expected === undefined ? undefined : { name: "CRC-32C", expected, start: () => runningCrc32c() };
  return { provesMd5: true, sha256: undefined, digest };
}

/** The session's address; its host is not believed, for the token goes with every request. */
function sessionPath(location: string | undefined): string {
  try {
    const { pathname, search } = new URL(location ?? "");
    if (search !== "") return `${pathname}${search}`;
  } catch {
    // Told below.
  }
  throw new ExecutorError("Transient", "the store began a resumable upload without saying where it goes");
}

/** Google's rules for names ("Object naming guidelines"). */
function checkedKey(key: string): string {
  const isTooLong = Buffer.byteLength(key) > 1024;
  if (!isTooLong && !/[\r\n]/.test(key) && key !== "." && key !== "..") return key;
  const why = isTooLong ? "is longer than 1,024 bytes" : 'must have no line breaks and not be "." or ".."';
  throw new ExecutorError(
    "BadRequest",
    `the key ${JSON.stringify(key.slice(0, 100))} ${why} in Google Cloud Storage`,
  );
}
