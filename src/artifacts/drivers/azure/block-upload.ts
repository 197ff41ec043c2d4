import { randomBytes } from "node:crypto";
import { type Payload, payloadOf } from "../../../http/index.ts";
import type { MultipartUpload } from "../../../transfer/index.ts";
import { contentMd5, crc32Of, wholeCrc32 } from "../../digests.ts";
import { expectStatus, tagOf } from "../../read-checks.ts";
import type { StoreRequests } from "../../store-requests.ts";
import type { AzureRequest } from "./requests.ts";

/** Where the CRC-32 of a blob that came in blocks is kept with it. */
export const crcMetadata = "outrider_crc32";

interface SentBlock {
  readonly id: string;
  readonly sizeBytes: number;
  readonly crc32: number;
}

/** Blocks of one blob. Each upload names its own, so that two of them at once cannot mix. */
export class BlockUpload implements MultipartUpload {
  readonly #blob: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #requests: StoreRequests<AzureRequest>;
  readonly #name = randomBytes(16).toString("hex");
  readonly #blocks: SentBlock[] = [];

  /** `headers` are what the blob gets beside its bytes. */
  constructor(
    blob: string,
    headers: Readonly<Record<string, string>>,
    requests: StoreRequests<AzureRequest>,
  ) {
    this.#blob = blob;
    this.#headers = headers;
    this.#requests = requests;
  }

  async put(number: number, payload: Payload, signal: AbortSignal): Promise<void> {
    const id = Buffer.from(`${this.#name}${String(number).padStart(6, "0")}`).toString("base64");
    const headers = { "content-md5": await contentMd5(payload) };
    const query = { comp: "block", blockid: id };
    const request: AzureRequest = { method: "PUT", blob: this.#blob, query, headers, payload };
    expectStatus(await this.#requests.sendForHead(request, signal), 201, this.#blob);
    this.#blocks[number - 1] = { id, sizeBytes: payload.sizeBytes ?? 0, crc32: await crc32Of(payload) };
  }

  async complete(signal: AbortSignal): Promise<void> {
    const list = this.#blocks.map(({ id }) => `<Latest>${id}</Latest>`).join("");
    const text = `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`;
    const payload = payloadOf(Buffer.from(text));
    const headers = {
      "content-type": "application/xml",
      "content-md5": await contentMd5(payload),
      ...this.#headers,
      [`x-ms-meta-${crcMetadata}`]: wholeCrc32(this.#blocks).toString(16),
    };
    const query = { comp: "blocklist" };
    const request: AzureRequest = { method: "PUT", blob: this.#blob, query, headers, payload };
    const answer = await this.#requests.sendForHead(request, signal);
    expectStatus(answer, 201, this.#blob);
    tagOf(answer.header("etag"), this.#blob);
  }

  /** Blocks that are not part of a list go by themselves, after a week; there is no request for it. */
  async abort(): Promise<void> {}
}
