import type { Readable } from "node:stream";
import type { Gunzip } from "node:zlib";
import { ExecutorError, isExecutorError } from "../errors/index.ts";
import {
  followRedirects,
  type Hop,
  type HttpResponse,
  payloadOf,
  type RedirectRules,
  translateNetworkError,
} from "../http/index.ts";
import type { Permits } from "../limits/index.ts";
import type { Connections } from "./connections.ts";
import { basicAuth, isIdempotent, type PreparedRequest } from "./http-request.ts";

/** What came back, whole. */
export interface Answer {
  readonly status: number;
  /** Name, value, name, value, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface ExchangeLimits extends BodyLimits {
  /** The longest silence where a request has no `timeoutSeconds`; 0: none. */
  readonly defaultTimeoutMs: number;
}

/** What an answer holds without asking for a permit: most never ask. */
const smallBytes = 16 * 1024;

export interface BodyLimits {
  /** Longest body, after unpacking. */
  readonly bodyBytesMax: number;
  /** Bodies longer than 16 KiB wait for one, so that a thousand large answers do not fill the memory at once. */
  readonly largeBodies: Permits;
}

/**
 * Sends the request, follows its redirects and reads the answer, all within the request's time. Throws Timeout where
 * that is over, TooLarge for a body beyond the limit, and what the connection did in the reference's words.
 */
export async function exchange(
  request: PreparedRequest,
  connections: Connections,
  limits: ExchangeLimits,
  signal: AbortSignal,
): Promise<Answer> {
  const { title, timeoutSeconds } = request;
  const timeoutMs = timeoutSeconds === undefined ? limits.defaultTimeoutMs : timeoutSeconds * 1000;
  const limit = new Deadline(timeoutMs, timeoutSeconds === undefined, signal);
  try {
    const response = await send(request, connections, limit.signal).catch((error) => {
      throw limit.explain(error, title);
    });
    const body = await readAnswer(response, request, limits, limit).catch((error) => {
      throw bodyError(limit.explain(error), title);
    });
    return { status: response.status, rawHeaders: headersOf(response, request.unpacksAnswer), body };
  } finally {
    limit.clear();
  }
}

/**
 * Headers that carry credentials go to the original server and the subdomains of its name only, never from https back
 * to http (docs/contract/roles.md#1.8).
 */
const rules: Omit<RedirectRules, "show"> = {
  keepsCredentials: isSameServer,
  complete(next) {
    const { url, headers } = next;
    const hasOwn = url.username !== "" || url.password !== "";
    const isAuthorized = headers.some(({ name }) => name === "Authorization");
    return hasOwn && !isAuthorized ? { ...next, headers: [...headers, basicAuth(url)] } : next;
  },
};

async function send(
  request: PreparedRequest,
  connections: Connections,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { title, method, url, headers, body, insecureSkipVerify } = request;
  const first = { method, url, headers, payload: body && payloadOf(body) };
  const sendHop = (hop: Hop) => {
    const isRepeatable = request.isRepeatable || isIdempotent(hop.method);
    // The certificate is for the server that the template names, not for where that may send us.
    const clientCert = hop.url.origin === url.origin ? request.clientCert : undefined;
    const client = connections.clientFor(hop.url, isRepeatable, { insecureSkipVerify, clientCert });
    return client.request({ ...requestOf(hop), isRepeatable, during: title }, signal);
  };
  return await followRedirects(first, sendHop, { ...rules, show: () => title });
}

function requestOf({ method, url, headers, payload }: Hop) {
  const fields: Record<string, string[]> = {};
  for (const { name, value } of headers) {
    const values = typeof value === "string" ? [value] : [...value];
    // The last Host wins; all other repeated names are repeated on the wire.
    fields[name] = name === "Host" ? values : [...(fields[name] ?? []), ...values];
  }
  if (payload !== undefined || !["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"].includes(method)) {
    fields["Content-Length"] = [String(payload?.sizeBytes ?? 0)];
  }
  return { method, origin: url.origin, path: url.pathname + url.search, headers: fields, payload };
}

/** The same name or a subdomain of it, on the same port; or the same on https after http, each on its own port. */
function isSameServer(original: URL, target: URL): boolean {
  const isSameName =
    target.hostname === original.hostname || target.hostname.endsWith(`.${original.hostname}`);
  const isUpgrade = original.protocol === "http:" && target.protocol === "https:";
  const isSamePlace = target.protocol === original.protocol && target.port === original.port;
  return isSameName && (isSamePlace || (isUpgrade && original.port === "" && target.port === ""));
}

/** The whole body. Throws TooLarge, naming the limit, when it turns out to be longer; the rest is not read. */
async function readAnswer(
  { body, headers }: HttpResponse,
  { unpacksAnswer }: PreparedRequest,
  { bodyBytesMax, largeBodies }: BodyLimits,
  limit: Deadline,
): Promise<Buffer> {
  // Servers that pack everything say so of empty answers, too.
  const isPacked = unpacksAnswer && headers["content-length"] !== "0" && isGzip(headers["content-encoding"]);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  let release: (() => void) | undefined;
  try {
    for await (const chunk of (isPacked ? unpack(body) : body) as AsyncIterable<Buffer>) {
      limit.noteProgress();
      sizeBytes += chunk.length;
      if (sizeBytes > bodyBytesMax) throw tooLarge(bodyBytesMax);
      if (sizeBytes > smallBytes) release ??= await largeBodies.acquire(limit.signal);
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

function isGzip(encoding: string | undefined): boolean {
  return encoding?.toLowerCase() === "gzip";
}

/** An answer that we unpacked has neither the length nor the encoding that it announced. */
function headersOf({ rawHeaders, headers }: HttpResponse, unpacked: boolean): readonly string[] {
  if (!unpacked || !isGzip(headers["content-encoding"])) return rawHeaders;
  return rawHeaders.filter((_, at) => !/^content-(encoding|length)$/i.test(rawHeaders[at - (at % 2)] ?? ""));
}

/** Limits name the request, what the connection did is told as the reference tells it. */
function bodyError(error: unknown, title: string): unknown {
  if (isExecutorError(error, "TooLarge")) return ExecutorError.wrap(error, title);
  if (isExecutorError(error)) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  // A body that ends before its announced length.
  if (code === "ERR_STREAM_PREMATURE_CLOSE" || code === "Z_BUF_ERROR")
    return new ExecutorError("Transient", "unexpected EOF", { cause: error });
  if (code?.startsWith("Z_")) return new ExecutorError("Corrupt", `gzip: ${message}`, { cause: error });
  return translateNetworkError(error, "reading the response");
}

/** The time a request has from connecting to the last byte of the answer, or less if we are told to stop. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #isDefault: boolean;
  readonly #parent: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  readonly #onStop = () => this.#controller.abort(this.#parent.reason);

  constructor(timeoutMs: number, isDefault: boolean, parent: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#isDefault = isDefault;
    this.#parent = parent;
    parent.addEventListener("abort", this.#onStop, { once: true });
    if (parent.aborted) this.#onStop();
    // setTimeout knows no more than 24 days.
    if (timeoutMs > 0) this.#timer = setTimeout(() => this.#expire(), Math.min(timeoutMs, 2 ** 31 - 1));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Bytes have come: a template without a limit of its own may go on for as long as they do. */
  noteProgress(): void {
    if (this.#isDefault) this.#timer?.refresh();
  }

  /** The error, or that the time was over. @param title begins the message then */
  explain(error: unknown, title?: string): unknown {
    if (!this.#isOver) return error;
    const start = title === undefined ? "" : `${title}: `;
    const hint = `: nothing came for ${this.#timeoutMs / 1000} s, the default where no timeoutSeconds is set`;
    return new ExecutorError("Timeout", `${start}context deadline exceeded${this.#isDefault ? hint : ""}`);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#parent.removeEventListener("abort", this.#onStop);
  }

  #expire(): void {
    this.#isOver = true;
    this.#controller.abort(new DOMException("context deadline exceeded", "TimeoutError"));
  }
}
