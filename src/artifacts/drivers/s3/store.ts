import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { type ByteSink, discardBody, type Payload, payloadOf, readBody } from "../../../http/index.ts";
import type {
  ByteRange,
  ListPage,
  ObjectInfo,
  ObjectStore,
  StoredBytes,
  StoreLimits,
  UploadedPart,
} from "../../../transfer/index.ts";
import type { Encryption } from "./encryption.ts";
import { toError } from "./errors.ts";
import { contentMd5, type S3Request, type S3Requests, throwIfFailed } from "./requests.ts";
import { elements, encodeXml, isBeyondXml, textOf } from "./xml.ts";

const mib = 1024 * 1024;

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

  constructor(requests: S3Requests, encryption: Encryption) {
    const { endpoint, bucket } = requests.config;
    this.name = `${endpoint.authority}/${bucket}`;
    this.#requests = requests;
    this.#encryption = encryption;
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    const headers = await this.#encryption.forBytes(key);
    const response = await this.#requests.send({ method: "HEAD", key, headers }, signal);
    response.body.resume();
    const { "content-length": length, etag } = response.headers;
    return toInfo(key, Number(length ?? 0), etag);
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<Pick<StoredBytes, "provesMd5"> | undefined> {
    const request = await this.#getRequest(info, range);
    const answer = await this.#requests.receive(request, range.length, sink, signal);
    return answer && { provesMd5: this.#provesMd5(answer.headers.get("x-amz-server-side-encryption")) };
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    const request = await this.#getRequest(info, range);
    const response = await this.#requests.send(request, signal).catch((error: unknown) => {
      if (!isExecutorError(error, "Conflict")) throw error;
      throw ExecutorError.wrap(error, `${info.key} was replaced while it was read`);
    });
    if (range !== undefined && response.status !== 206) {
      response.body.destroy();
      throw new ExecutorError(
        "Unsupported",
        `${info.key}: the store ignores ranges, which large and broken downloads need`,
      );
    }
    return {
      chunks: readBody(response.body, this.#requests.bodyOptions(request)),
      provesMd5: this.#provesMd5(response.headers["x-amz-server-side-encryption"]),
    };
  }

  async put(key: string, payload: Payload, contentType: string, signal: AbortSignal): Promise<void> {
    const md5 = await contentMd5(payload);
    const headers = {
      ...(await this.#encryption.forWriting(key)),
      "content-type": contentType,
      "content-md5": md5,
    };
    await this.#sendAndForget({ method: "PUT", key, headers, payload }, signal);
  }

  async startUpload(key: string, contentType: string, signal: AbortSignal): Promise<string> {
    const headers = { ...(await this.#encryption.forWriting(key)), "content-type": contentType };
    const xml = await this.#requests.sendForText(
      { method: "POST", key, query: { uploads: "" }, headers },
      signal,
    );
    const upload = textOf(xml, "UploadId");
    if (upload === undefined) {
      throw new ExecutorError("Unsupported", "the store began a multipart upload without an UploadId");
    }
    return upload;
  }

  async putPart(
    key: string,
    upload: string,
    number: number,
    payload: Payload,
    signal: AbortSignal,
  ): Promise<UploadedPart> {
    const headers = { ...(await this.#encryption.forBytes(key)), "content-md5": await contentMd5(payload) };
    const query = { partNumber: String(number), uploadId: upload };
    const request: S3Request = { method: "PUT", key, query, headers, payload };
    const response = await this.#requests.send(request, signal);
    await discardBody(response.body, this.#requests.bodyOptions(request));
    const { etag } = response.headers;
    if (etag === undefined) throw new ExecutorError("Transient", `part ${number} was stored without an ETag`);
    return { number, etag };
  }

  async completeUpload(
    key: string,
    upload: string,
    parts: readonly UploadedPart[],
    signal: AbortSignal,
  ): Promise<void> {
    const items = parts.map(
      ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${encodeXml(etag)}</ETag></Part>`,
    );
    const body = `<CompleteMultipartUpload xmlns="${namespace}">${items.join("")}</CompleteMultipartUpload>`;
    const headers = { ...(await this.#encryption.forBytes(key)), "content-type": "application/xml" };
    const payload = payloadOf(Buffer.from(body));
    throwIfFailed(
      await this.#requests.sendForText(
        { method: "POST", key, query: { uploadId: upload }, headers, payload },
        signal,
      ),
    );
  }

  async abortUpload(key: string, upload: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#sendAndForget({ method: "DELETE", key, query: { uploadId: upload } }, signal);
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
    const isEncoded = textOf(xml, "EncodingType") === "url";
    const objects = elements(xml, "Contents").map((item) => {
      const key = textOf(item, "Key") ?? "";
      return toInfo(
        isEncoded ? decodeKey(key) : key,
        Number(textOf(item, "Size") ?? 0),
        textOf(item, "ETag"),
      );
    });
    return { objects, next: textOf(xml, "IsTruncated") === "true" ? objects.at(-1)?.key : undefined };
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

  #provesMd5(encryption: string | readonly string[] | undefined): boolean {
    return !this.#encryption.hidesMd5 && (encryption ?? "AES256") === "AES256";
  }

  async #sendAndForget(request: S3Request, signal: AbortSignal): Promise<void> {
    const response = await this.#requests.send(request, signal);
    await discardBody(response.body, this.#requests.bodyOptions(request));
  }
}

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

function toInfo(key: string, sizeBytes: number, etag: string | undefined): ObjectInfo {
  const md5 = /^"?([0-9a-f]{32})"?$/.exec(etag ?? "")?.[1];
  return { key, sizeBytes, etag, md5 };
}

function decodeKey(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
