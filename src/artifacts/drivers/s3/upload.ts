import { isExecutorError } from "../../../errors/index.ts";
import { type Payload, payloadOf } from "../../../http/index.ts";
import type { ByteRange } from "../../../streams/index.ts";
import type { MultipartUpload } from "../../../transfer/index.ts";
import { contentMd5, crc32Of, encodeCrc32, wholeCrc32 } from "../../digests.ts";
import { rangeHeader, tagOf } from "../../read-checks.ts";
import type { StoreRequests } from "../../store-requests.ts";
import { encodeXml, namespace, textOf } from "../../xml.ts";
import type { Encryption } from "./encryption.ts";
import { expectDocument, type S3Request } from "./requests.ts";

/** What an upload to S3 is: under which key and id, and with which checksums. */
export interface StartedUpload {
  readonly key: string;
  readonly id: string;
  /** True where the store checks the CRC-32 of each part, and keeps that of the whole object. */
  readonly keepsCrc32: boolean;
}

interface SentPart {
  readonly sizeBytes: number;
  readonly etag: string;
  /** Where the upload keeps it. */
  readonly crc32: number | undefined;
}

/** A multipart upload to S3. Each part is checked by its CRC-32, or by its MD5 where the store knows none. */
export class S3Upload implements MultipartUpload {
  readonly #started: StartedUpload;
  readonly #requests: StoreRequests<S3Request>;
  readonly #encryption: Encryption;
  readonly #parts: SentPart[] = [];

  constructor(started: StartedUpload, requests: StoreRequests<S3Request>, encryption: Encryption) {
    this.#started = started;
    this.#requests = requests;
    this.#encryption = encryption;
  }

  async put(number: number, payload: Payload, signal: AbortSignal): Promise<void> {
    const { key, id, keepsCrc32 } = this.#started;
    const crc32 = keepsCrc32 ? await crc32Of(payload) : undefined;
    const headers: Record<string, string> = {
      ...(await this.#encryption.forBytes(key)),
      ...(crc32 === undefined
        ? { "content-md5": await contentMd5(payload) }
        : { "x-amz-checksum-crc32": encodeCrc32(crc32) }),
    };
    const query = { partNumber: String(number), uploadId: id };
    const request: S3Request = { method: "PUT", key, query, headers, payload, hasChecksum: keepsCrc32 };
    const answer = await this.#requests.send(request, signal);
    await answer.text();
    const etag = tagOf(answer.header("etag"), `part ${number} of ${key}`);
    this.#parts[number - 1] = { sizeBytes: payload.sizeBytes ?? 0, etag, crc32 };
  }

  /** Makes a part from a range of the object that `headers` name. */
  async copy(
    number: number,
    {
      headers: from,
      range,
    }: { readonly headers: Readonly<Record<string, string>>; readonly range: ByteRange },
    signal: AbortSignal,
  ): Promise<void> {
    const { key, id } = this.#started;
    const headers = {
      ...(await this.#encryption.forBytes(key)),
      ...from,
      "x-amz-copy-source-range": rangeHeader(range),
    };
    const query = { partNumber: String(number), uploadId: id };
    const xml = await this.#requests.sendForText({ method: "PUT", key, query, headers }, signal);
    expectDocument(xml, "CopyPartResult");
    const etag = tagOf(textOf(xml, "ETag"), `part ${number} of ${key}`);
    this.#parts[number - 1] = { sizeBytes: range.length, etag, crc32: undefined };
  }

  async complete(signal: AbortSignal): Promise<void> {
    const { key, id, keepsCrc32 } = this.#started;
    const whole: Record<string, string> = keepsCrc32
      ? { "x-amz-checksum-crc32": encodeCrc32(wholeCrc32(this.#parts)), "x-amz-checksum-type": "FULL_OBJECT" }
      : {};
    const headers = {
      ...(await this.#encryption.forBytes(key)),
      "content-type": "application/xml",
      ...whole,
    };
    const payload = payloadOf(Buffer.from(listParts(this.#parts)));
    const request: S3Request = { method: "POST", key, query: { uploadId: id }, headers, payload };
    expectDocument(await this.#requests.sendForText(request, signal), "CompleteMultipartUploadResult");
  }

  async abort(signal: AbortSignal): Promise<void> {
    const { key, id } = this.#started;
    try {
      const request: S3Request = { method: "DELETE", key, query: { uploadId: id } };
      await (await this.#requests.send(request, signal)).text();
    } catch (error) {
      if (!isExecutorError(error, "NotFound")) throw error;
    }
  }
}

/** The body of CompleteMultipartUpload: the parts in order, each with its CRC-32 where it was sent with one. */
function listParts(parts: readonly SentPart[]): string {
  return `<CompleteMultipartUpload xmlns="${namespace}">${parts.map(partElement).join("")}</CompleteMultipartUpload>`;
}

function partElement({ etag, crc32 }: SentPart, index: number): string {
  const checksum = crc32 === undefined ? "" : `<ChecksumCRC32>${encodeCrc32(crc32)}</ChecksumCRC32>`;
  return `<Part><PartNumber>${index + 1}</PartNumber><ETag>${encodeXml(etag)}</ETag>${checksum}</Part>`;
}
