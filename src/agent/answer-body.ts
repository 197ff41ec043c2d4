import { isUtf8 } from "node:buffer";
import type { Readable } from "node:stream";
import type { Gunzip } from "node:zlib";
import { ExecutorError } from "../errors/index.ts";
import type { Permits } from "../limits/index.ts";

/** What an answer holds without asking for a permit: most never ask. */
const smallBytes = 16 * 1024;

export interface BodyLimits {
  /** Longest body, after unpacking. */
  readonly bodyBytesMax: number;
  /** Bodies longer than 16 KiB wait for one, so that a thousand large answers do not fill the memory at once. */
  readonly largeBodies: Permits;
}

/** The body of an answer on its way to us. */
export interface AnswerBody {
  readonly body: Readable;
  /** The answer's Content-Encoding. */
  readonly encoding: string | undefined;
  /** Whether we asked for it, so that it is ours to undo. */
  readonly unpacks: boolean;
}

/**
 * The whole body. Throws TooLarge, naming the limit, when it turns out to be longer; the rest is not read.
 * @param onBytes told whenever some have come
 */
export async function readAnswer(
  { body, encoding, unpacks }: AnswerBody,
  { bodyBytesMax, largeBodies }: BodyLimits,
  onBytes: () => void,
  signal: AbortSignal,
): Promise<Buffer> {
  const isPacked = unpacks && encoding?.toLowerCase() === "gzip";
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  let release: (() => void) | undefined;
  try {
    for await (const chunk of (isPacked ? unpack(body) : body) as AsyncIterable<Buffer>) {
      onBytes();
      sizeBytes += chunk.length;
      if (sizeBytes > bodyBytesMax) throw tooLarge(bodyBytesMax);
      if (sizeBytes > smallBytes) release ??= await largeBodies.acquire(signal);
      chunks.push(chunk);
    }
    const [only] = chunks;
    return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, sizeBytes);
  } finally {
    release?.();
    body.destroy();
  }
}

function unpack(body: Readable): Gunzip {
  const gunzip = process.getBuiltinModule("node:zlib").createGunzip();
  const { pipeline } = process.getBuiltinModule("node:stream");
  // An error of either end destroys the other, and the loop that reads sees it.
  pipeline(body, gunzip, () => undefined);
  return gunzip;
}

function tooLarge(limit: number): ExecutorError {
  return new ExecutorError(
    "TooLarge",
    `the response is larger than ${limit} bytes, the most that the agent stores as a result; ` +
      "let the server answer with less, or fetch it as an artifact (http) of a container template",
  );
}

/**
 * The text of a body: each byte that is not part of valid UTF-8 becomes what `replace` makes of it; a byte-order mark
 * stays (docs/contract/roles.md#1.8).
 */
export function decodeText(bytes: Buffer, replace: (byte: number) => string): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const width = sequenceLength(bytes, at);
    if (width > 0) {
      at += width;
      continue;
    }
    text += bytes.toString("utf8", from, at) + replace(bytes[at] ?? 0);
    from = ++at;
  }
  return text + bytes.toString("utf8", from);
}

/** The length of the valid sequence at an offset, 0 where there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const width =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (width === 0 || at + width > bytes.length) return 0;
  return width === 1 || isUtf8(bytes.subarray(at, at + width)) ? width : 0;
}
