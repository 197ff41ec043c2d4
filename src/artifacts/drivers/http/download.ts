import { ExecutorError } from "../../../errors/index.ts";
import { type HttpResponse, readBody } from "../../../http/index.ts";
import { noRetries, type RetryPolicy, resumed } from "../../../retry/index.ts";
import { redact } from "./config.ts";
import { loadError } from "./errors.ts";
import type { Exchange } from "./exchange.ts";

const stallTimeoutMs = 60_000;

/**
 * The bytes of a GET whose answer has begun. A connection that breaks is taken up where it broke, if the server names
 * the version of what it serves; without that name two halves might not be of one file, and the break is an error.
 */
export async function* resumableBody(
  first: HttpResponse,
  url: string,
  exchange: Exchange,
  policy: RetryPolicy,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const during = `loading content from ${redact(url)}`;
  const validator = validatorOf(first);
  const announced = first.headers["content-length"];
  const open = async function* (reached: number) {
    let known = 0;
    let at = reached;
    let response = first;
    if (hasBegun) {
      const headers = {
        range: `bytes=${reached}-`,
        "if-range": validator ?? "",
        "accept-encoding": "identity",
      };
      response = await exchange.get(url, headers, signal);
      known = bytesKnown(response, validator, reached, during);
    }
    hasBegun = true;
    for await (const chunk of readBody(response.body, { during, stallTimeoutMs })) {
      const fresh = chunk.subarray(Math.min(known, chunk.byteLength));
      known -= chunk.byteLength - fresh.byteLength;
      at += fresh.byteLength;
      if (fresh.byteLength > 0) yield fresh;
    }
    if (announced !== undefined && at !== Number(announced)) {
      throw new ExecutorError("Transient", `${during}: unexpected EOF`);
    }
  };
  let hasBegun = false;
  const repeats = validator !== undefined;
  yield* resumed(open, repeats ? policy : { ...noRetries, repeats: () => false }, signal);
}

/** How many bytes of the answer are known already. Throws where it is not a continuation. */
function bytesKnown(
  response: HttpResponse,
  validator: string | undefined,
  reached: number,
  during: string,
): number {
  if (response.status === 206) {
    const start = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1];
    if (Number(start) === reached) return 0;
    response.body.destroy();
    throw new ExecutorError("Corrupt", `${during}: the server sent another range than was asked for`);
  }
  if (response.status === 200) {
    if (validatorOf(response) === validator) return reached;
    response.body.destroy();
    throw new ExecutorError("Conflict", `${during}: the file was replaced while it was read`);
  }
  response.body.destroy();
  throw loadError(during, response);
}

/** A strong ETag, else the modification time (RFC 9110 section 13.1.5). Encoded content has no byte positions. */
function validatorOf({ headers }: HttpResponse): string | undefined {
  if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity")
    return undefined;
  if (headers.etag !== undefined && !headers.etag.startsWith("W/")) return headers.etag;
  return headers["last-modified"];
}
