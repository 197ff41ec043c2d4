import { ExecutorError } from "../../../errors/index.ts";
import type { Payload } from "../../../http/index.ts";
import { byteStream } from "../../../streams/index.ts";
import type { MultipartUpload } from "../../../transfer/index.ts";
import { crc32c } from "../../crc.ts";
import { forEachChunk } from "../../digests.ts";
import type { StoreAnswer, StoreRequests } from "../../store-requests.ts";
import { encodeCrc32c, runningCrc32c } from "./crc32c.ts";
import type { GcsRequest } from "./requests.ts";
import { type GcsObject, readJson, readResource } from "./resource.ts";

/** All chunks of a session but the last one are a multiple of this long. */
const granuleBytes = 256 * 1024;

/** What one part adds: its bytes are sent up to the last whole granule, the rest waits for what comes after it. */
interface PendingPart {
  readonly number: number;
  /** Where its bytes begin: what was confirmed before its first try. */
  readonly start: number;
  readonly crc: bigint;
  readonly bytes: Payload;
  readonly sendBytes: number;
  readonly tail: Uint8Array;
}

/** What was sent, as Google describes what it has got. */
export interface SentContent {
  readonly sizeBytes: number;
  /** In base64. */
  readonly crc32c: string;
}

/** Throws Corrupt where the store has got other bytes than were sent. */
export type Confirmation = (stored: GcsObject, sent: SentContent, signal: AbortSignal) => Promise<void>;

/**
 * A resumable upload of the JSON API: one session, to which bytes are sent in order. After a broken connection the
 * session is asked how far it got, and goes on from there. Nothing is visible under the key before `complete`, which
 * names the length and the CRC-32C of the whole.
 */
export class ResumableUpload implements MultipartUpload {
  readonly #key: string;
  readonly #path: string;
  readonly #requests: StoreRequests<GcsRequest>;
  readonly #confirm: Confirmation;
  /** Of all parts that were sent. */
  #totalBytes = 0;
  /** What the session has confirmed. */
  #persisted = 0;
  #tail: Uint8Array = new Uint8Array();
  #crc = crc32c().empty;
  #pending: PendingPart | undefined;
  /** True after a try whose outcome nobody knows. */
  #isUncertain = false;

  /** `path` is the session's address without its origin; who knows it may write. */
  constructor(key: string, path: string, requests: StoreRequests<GcsRequest>, confirm: Confirmation) {
    this.#key = key;
    this.#path = path;
    this.#requests = requests;
    this.#confirm = confirm;
  }

  /** Sends one part; parts come in order. */
  async put(number: number, payload: Payload, signal: AbortSignal): Promise<void> {
    if (this.#pending?.number !== number) this.#pending = await this.#prepare(number, payload);
    const { start, bytes, sendBytes, tail, crc } = this.#pending;
    const end = start + sendBytes;
    await this.#findOut(signal);
    if (this.#persisted < start || this.#persisted > end) throw this.#wrongOffset(start, end);
    while (this.#persisted < end) {
      const before = this.#persisted;
      const chunk = sliceOf(bytes, before - start, end - before);
      const answer = await this.#put(chunk, `bytes ${before}-${end - 1}/*`, {}, signal);
      this.#noteProgress(answer, end);
      if (this.#persisted <= before) {
        throw new ExecutorError("Transient", `${this.#key}: the upload session takes no bytes`);
      }
    }
    this.#tail = tail;
    this.#crc = crc;
    this.#pending = undefined;
    this.#totalBytes += payload.sizeBytes ?? 0;
  }

  /** Sends what is left, ends the session, and has what is stored then confirmed. */
  async complete(signal: AbortSignal): Promise<void> {
    const sent = { sizeBytes: this.#totalBytes, crc32c: encodeCrc32c(this.#crc) };
    await this.#confirm(await this.#finish(sent, signal), sent, signal);
  }

  async abort(signal: AbortSignal): Promise<void> {
    // 499 is how Google says that it is cancelled; gone it may be already.
    const request: GcsRequest = { method: "DELETE", path: this.#path, isAboutObject: true };
    await this.#requests.sendForHead(request, signal, [499, 404, 410]);
  }

  async #finish(
    { sizeBytes: totalBytes, crc32c: sum }: SentContent,
    signal: AbortSignal,
  ): Promise<GcsObject> {
    const known = await this.#findOut(signal);
    if (known !== undefined) return known;
    const start = totalBytes - this.#tail.byteLength;
    if (this.#persisted !== start) throw this.#wrongOffset(start, start);
    const payload = { sizeBytes: this.#tail.byteLength, chunks: [this.#tail] };
    const range = this.#tail.byteLength === 0 ? "*" : `${start}-${totalBytes - 1}`;
    const hash = { "x-goog-hash": `crc32c=${sum}` };
    const answer = await this.#put(payload, `bytes ${range}/${totalBytes}`, hash, signal);
    if (!answer.isSuccess)
      throw new ExecutorError("Transient", `${this.#key}: the upload session does not end`);
    const stored = readResource(readJson(await answer.text()), this.#key);
    this.#isUncertain = false;
    return stored;
  }

  async #prepare(number: number, payload: Payload): Promise<PendingPart> {
    const size = this.#tail.byteLength + (payload.sizeBytes ?? 0);
    const tail = Buffer.alloc(size % granuleBytes);
    const sendBytes = size - tail.byteLength;
    const bytes = this.#tail.byteLength === 0 ? payload : prefixed(this.#tail, payload);
    const running = runningCrc32c(this.#crc);
    let at = 0;
    let skip = this.#tail.byteLength;
    await forEachChunk(bytes, (chunk) => {
      // The tail of the part before is in the sum already.
      running.update(chunk.subarray(Math.min(skip, chunk.byteLength)));
      skip -= Math.min(skip, chunk.byteLength);
      const from = Math.max(0, sendBytes - at);
      if (from < chunk.byteLength) tail.set(chunk.subarray(from), at + from - sendBytes);
      at += chunk.byteLength;
    });
    if (at !== size)
      throw new ExecutorError("Corrupt", `${this.#key}: the content changed while it was read`);
    return { number, start: this.#persisted, crc: running.crc, bytes, sendBytes, tail };
  }

  /** Asks the session how far it got, if that is not known; resolves to the object if it has ended. */
  async #findOut(signal: AbortSignal): Promise<GcsObject | undefined> {
    if (!this.#isUncertain) return undefined;
    const answer = await this.#put({ sizeBytes: 0, chunks: [] }, "bytes */*", {}, signal);
    if (answer.isSuccess) return readResource(readJson(await answer.text()), this.#key);
    this.#persisted = persistedOf(answer, this.#key);
    this.#isUncertain = false;
    return undefined;
  }

  async #put(
    payload: Payload,
    range: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<StoreAnswer> {
    this.#isUncertain = true;
    const all = { ...headers, "content-range": range };
    const request: GcsRequest = {
      method: "PUT",
      path: this.#path,
      isAboutObject: true,
      headers: all,
      payload,
    };
    const answer = await this.#requests.send(request, signal, [308]);
    if (answer.status === 308) await answer.text();
    return answer;
  }

  #noteProgress(answer: StoreAnswer, end: number): void {
    if (answer.status !== 308) {
      throw new ExecutorError("Corrupt", `${this.#key}: the upload session ended before all bytes were sent`);
    }
    const persisted = persistedOf(answer, this.#key);
    if (persisted > end || persisted < this.#persisted) throw this.#wrongOffset(this.#persisted, end);
    this.#persisted = persisted;
    this.#isUncertain = false;
  }

  #wrongOffset(from: number, to: number): ExecutorError {
    const expected = from === to ? String(from) : `${from} to ${to}`;
    const text = `${this.#key}: the upload session holds ${this.#persisted} bytes, ${expected} were expected`;
    return new ExecutorError("Corrupt", text);
  }
}

/** `Range: bytes=0-41` means that 42 bytes are there; without the header there are none. */
function persistedOf(answer: StoreAnswer, key: string): number {
  const range = answer.header("range");
  if (range === undefined) return 0;
  const last = /^bytes=0-(\d{1,16})$/.exec(range)?.[1];
  if (last === undefined)
    throw new ExecutorError("Transient", `${key}: the upload session's range makes no sense`);
  return Number(last) + 1;
}

function prefixed(head: Uint8Array, payload: Payload): Payload {
  if (!("open" in payload)) {
    return { sizeBytes: head.byteLength + payload.sizeBytes, chunks: [head, ...payload.chunks] };
  }
  const open = () =>
    byteStream(
      (async function* () {
        yield head;
        yield* payload.open() as AsyncIterable<Uint8Array>;
      })(),
    );
  return { sizeBytes: head.byteLength + (payload.sizeBytes ?? 0), open };
}

/** The bytes from `offset`, so many of them. */
function sliceOf(payload: Payload, offset: number, length: number): Payload {
  const piecesOf = (at: number, chunk: Uint8Array) =>
    chunk.subarray(Math.max(0, offset - at), Math.max(0, Math.min(chunk.byteLength, offset + length - at)));
  if (!("open" in payload)) {
    let at = 0;
    const chunks: Uint8Array[] = [];
    for (const chunk of payload.chunks) {
      const piece = piecesOf(at, chunk);
      if (piece.byteLength > 0) chunks.push(piece);
      at += chunk.byteLength;
    }
    return { sizeBytes: length, chunks };
  }
  const pieces = async function* () {
    let at = 0;
    for await (const chunk of payload.open() as AsyncIterable<Uint8Array>) {
      const piece = piecesOf(at, chunk);
      if (piece.byteLength > 0) yield piece;
      at += chunk.byteLength;
      if (at >= offset + length) return;
    }
  };
  return { sizeBytes: length, open: () => byteStream(pieces()) };
}
