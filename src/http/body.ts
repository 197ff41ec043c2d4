import type { Readable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";
import { translateNetworkError } from "./errors.ts";
import { ReceivedBody } from "./received-body.ts";

export interface BodyOptions {
  /** Names the request in errors. */
  readonly during: string;
  /** Longest silence while we wait for bytes. A consumer that pauses does not count. */
  readonly stallTimeoutMs: number;
}

/**
 * The chunks of a body. Network failures and a silence that lasts too long arrive as Transient; leaving the loop
 * early drops the connection.
 */
export async function* readBody(
  body: Readable,
  { during, stallTimeoutMs }: BodyOptions,
): AsyncGenerator<Uint8Array> {
  let waitingSince: number | undefined = performance.now();
  // One slow timer instead of one a chunk: a stall is noticed within a quarter of the limit.
  const watchdog = setInterval(() => {
    if (waitingSince === undefined || performance.now() - waitingSince < stallTimeoutMs) return;
    const text = `${during}: i/o timeout: no byte for ${Math.round(stallTimeoutMs / 1000)} s`;
    body.destroy(new ExecutorError("Transient", text));
  }, stallTimeoutMs / 4);
  try {
    for await (const chunk of body) {
      waitingSince = undefined;
      yield chunk as Uint8Array;
      waitingSince = performance.now();
    }
  } catch (error) {
    throw translateNetworkError(error, during);
  } finally {
    clearInterval(watchdog);
  }
}

/** The whole body, which must not be longer than `limitBytes`; what is longer is cut off there. */
export async function readText(body: Readable, limitBytes: number, options: BodyOptions): Promise<string> {
  if (body instanceof ReceivedBody) return body.bytes.subarray(0, limitBytes).toString();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of readBody(body, options)) {
    chunks.push(chunk);
    sizeBytes += chunk.byteLength;
    if (sizeBytes >= limitBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, limitBytes).toString();
}

/** Reads what is left, so that the connection can be used again; gives up on a rest longer than `limitBytes`. */
export async function discardBody(
  body: Readable,
  options: BodyOptions,
  limitBytes = 64 * 1024,
): Promise<void> {
  if (body instanceof ReceivedBody) return;
  let sizeBytes = 0;
  for await (const chunk of readBody(body, options)) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes >= limitBytes) break;
  }
}
