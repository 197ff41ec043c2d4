import { createHash } from "node:crypto";
import { Refusal } from "./refusal.ts";
import { type ChunkSigner, type PayloadProtection, sameText } from "./signature.ts";

/** Longest line of an aws-chunked body: a chunk's size and signature, or a trailer. */
const lineBytesMax = 16 * 1024;

/** The body of a request without its wrapping. Trailing headers are there once the content has been read to its end. */
export interface RequestBody {
  readonly content: AsyncIterable<Buffer>;
  readonly trailers: ReadonlyMap<string, string>;
}

/** Unwraps a body and verifies its protection; the content ends in a Refusal if that does not hold. */
export function openBody(
  raw: AsyncIterable<Buffer>,
  protection: PayloadProtection,
  decodedBytes: number | undefined,
): RequestBody {
  const trailers = new Map<string, string>();
  if (protection.kind === "unsigned") return { content: raw, trailers };
  if (protection.kind === "hash") return { content: hashed(raw, protection.sha256), trailers };
  const reader = new ChunkReader(raw);
  return { content: chunked(reader, protection, decodedBytes, trailers), trailers };
}

async function* hashed(raw: AsyncIterable<Buffer>, expected: string): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  for await (const chunk of raw) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.digest("hex");
  if (actual !== expected) {
    throw new Refusal(
      400,
      "XAmzContentSHA256Mismatch",
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
      { ClientComputedContentSHA256: expected, S3ComputedContentSHA256: actual },
    );
  }
}

/** Decodes `SIZE[;chunk-signature=...] CRLF data CRLF`, up to the chunk of size 0, and the trailers behind it. */
async function* chunked(
  reader: ChunkReader,
  { signed, hasTrailer }: { readonly signed: ChunkSigner | undefined; readonly hasTrailer: boolean },
  decodedBytes: number | undefined,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  let total = 0;
  for (;;) {
    const line = await reader.line();
    const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
    if (!match) throw incomplete("a chunk begins with a line that is no chunk header");
    const sizeBytes = Number.parseInt(match[1] ?? "", 16);
    const hash = signed && createHash("sha256");
    for await (const piece of reader.bytes(sizeBytes)) {
      hash?.update(piece);
      yield piece;
    }
    if (signed && hash) checkSignature(signed.chunk(hash.digest("hex")), match[2]);
    total += sizeBytes;
    if (sizeBytes === 0) break;
    if ((await reader.line()) !== "") throw incomplete("a chunk is longer than announced");
  }
  if (hasTrailer) await readTrailers(reader, signed, trailers);
  if (decodedBytes !== undefined && decodedBytes !== total) {
    throw incomplete(`x-amz-decoded-content-length is ${decodedBytes}, the chunks hold ${total} bytes`);
  }
  await reader.drain();
}

async function readTrailers(
  reader: ChunkReader,
  signed: ChunkSigner | undefined,
  trailers: Map<string, string>,
): Promise<void> {
  let covered = "";
  for (let line = await reader.line(); line !== ""; line = await reader.line()) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "x-amz-trailer-signature") {
      if (signed) checkSignature(signed.trailer(createHash("sha256").update(covered).digest("hex")), value);
      return;
    }
    covered += `${name}:${value}\n`;
    trailers.set(name, value);
  }
  if (signed) checkSignature("", undefined);
}

function checkSignature(expected: string, actual: string | undefined): void {
  if (actual !== undefined && sameText(expected, actual)) return;
  throw new Refusal(
    403,
    "SignatureDoesNotMatch",
    "The chunk signature we calculated does not match the signature you provided. Check your key and signing method.",
  );
}

function incomplete(why: string): Refusal {
  return new Refusal(
    400,
    "IncompleteBody",
    `You did not provide the number of bytes specified by the Content-Length HTTP header: ${why}`,
  );
}

/** Lines and runs of bytes from a stream of buffers. */
class ChunkReader {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(raw: AsyncIterable<Buffer>) {
    this.#source = raw[Symbol.asyncIterator]();
  }

  /** The next line without its CRLF; what follows the last one counts as an empty line. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#held.toString("latin1", 0, end);
        this.#held = this.#held.subarray(end + 2);
        return line;
      }
      if (this.#held.length > lineBytesMax) throw incomplete("a chunk header is too long");
      const more = await this.#source.next();
      if (more.done) {
        if (this.#held.length > 0) throw incomplete("the body ends inside a chunk header");
        return "";
      }
      this.#held = Buffer.concat([this.#held, more.value]);
    }
  }

  async *bytes(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#held.length === 0) {
        const more = await this.#source.next();
        if (more.done) throw incomplete("the body ends inside a chunk");
        this.#held = more.value;
      }
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async drain(): Promise<void> {
    while (!(await this.#source.next()).done);
  }
}
