import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { type Payload, payloadOf } from "../../../http/index.ts";
import type { MultipartUpload } from "../../../transfer/index.ts";
import { crc64 } from "../../crc.ts";
import { tagOf } from "../../read-checks.ts";
import type { StoreRequests } from "../../store-requests.ts";
import { encodeXml, textOf } from "../../xml.ts";
import { crcOf, expectCrc } from "./checksum.ts";
import type { OssRequest } from "./requests.ts";

interface SentPart {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly crc: bigint;
}

/** A multipart upload to OSS, whose CRC-64s, of each part and of the whole, are compared. */
export class OssUpload implements MultipartUpload {
  readonly #key: string;
  readonly #id: string;
  readonly #requests: StoreRequests<OssRequest>;
  readonly #parts: SentPart[] = [];

  constructor(key: string, id: string, requests: StoreRequests<OssRequest>) {
    this.#key = key;
    this.#id = id;
    this.#requests = requests;
  }

  async put(number: number, payload: Payload, signal: AbortSignal): Promise<void> {
    const key = this.#key;
    const crc = await crcOf(payload);
    const query = { partNumber: String(number), uploadId: this.#id };
    const answer = await this.#requests.sendForHead({ method: "PUT", key, query, payload }, signal);
    expectCrc(answer, crc, `${key}, part ${number}`);
    const etag = tagOf(answer.header("etag"), key);
    this.#parts[number - 1] = { sizeBytes: payload.sizeBytes ?? 0, etag, crc };
  }

  async complete(signal: AbortSignal): Promise<void> {
    const key = this.#key;
    const list = this.#parts.map(
      ({ etag }, index) =>
        `<Part><PartNumber>${index + 1}</PartNumber><ETag>${encodeXml(etag)}</ETag></Part>`,
    );
    const text = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
    const payload = payloadOf(Buffer.from(text));
    const headers = { "content-type": "application/xml" };
    const query = { uploadId: this.#id };
    const answer = await this.#requests.send({ method: "POST", key, query, headers, payload }, signal);
    const xml = await answer.text();
    if (!xml.includes("<CompleteMultipartUploadResult") || textOf(xml, "ETag") === undefined) {
      throw new ExecutorError("Transient", `${key}: the store did not confirm that the object is complete`);
    }
    const { combine, empty } = crc64();
    const whole = this.#parts.reduce((sum, { crc, sizeBytes }) => combine(sum, crc, sizeBytes), empty);
    expectCrc(answer, whole, key);
  }

  async abort(signal: AbortSignal): Promise<void> {
    const query = { uploadId: this.#id };
    try {
      await this.#requests.sendForHead({ method: "DELETE", key: this.#key, query }, signal);
    } catch (error) {
      if (!isExecutorError(error, "NotFound")) throw error;
    }
  }
}
