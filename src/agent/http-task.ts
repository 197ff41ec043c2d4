import { ExecutorError, errorCode, errorText, isExecutorError } from "../errors/index.ts";
import { type HttpResponse, translateNetworkError } from "../http/index.ts";
import { type BodyLimits, decodeText, readAnswer } from "./answer-body.ts";
import { isSuccess } from "./condition.ts";
import { type ClientFor, exchange } from "./exchange.ts";
import { requestTitle } from "./http-fields.ts";
import { type PreparedRequest, prepareRequest, type RequestContext } from "./http-request.ts";
import { type HttpTemplate, readHttpTemplate } from "./http-template.ts";
import type { NodeResult } from "./task.ts";

export interface HttpTools {
  readonly limits: BodyLimits;
  /** The longest silence where a template has no `timeoutSeconds`; 0: none. */
  readonly defaultTimeoutMs: number;
  readonly context: RequestContext;
  readonly clientFor: (template: HttpTemplate) => Promise<ClientFor>;
  /** Told before the first byte of a request that must not be repeated unasked. */
  onSend(): void;
}

/**
 * Executes an HTTP template: one request, no retries (docs/contract/roles.md#1.8). Failures are results.
 * Throws only when `signal` tells to stop.
 */
export async function runHttp(http: unknown, tools: HttpTools, signal: AbortSignal): Promise<NodeResult> {
  try {
    const template = readHttpTemplate(http);
    const request = await prepared(template, tools);
    return await answered(template, request, tools, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { phase: "Failed", message: errorText(error) };
  }
}

async function prepared(template: HttpTemplate, tools: HttpTools): Promise<PreparedRequest> {
  const { context } = tools;
  let ofSecret: unknown;
  const readSecret = (name: string, key: string) =>
    context.readSecret(name, key).catch((error: unknown) => {
      ofSecret = error;
      throw error;
    });
  try {
    return await prepareRequest(template, { ...context, readSecret });
  } catch (error) {
    // What a secret lacks is no fault of the request's.
    if (errorCode(error) !== "BadRequest" || error === ofSecret) throw error;
    throw ExecutorError.wrap(error, requestTitle(template.method, template.url));
  }
}

async function answered(
  template: HttpTemplate,
  request: PreparedRequest,
  tools: HttpTools,
  signal: AbortSignal,
): Promise<NodeResult> {
  const clientFor = await tools.clientFor(template);
  const isDefault = template.timeoutSeconds === undefined;
  const timeoutMs = isDefault ? tools.defaultTimeoutMs : (template.timeoutSeconds ?? 0) * 1000;
  const limit = new Deadline(timeoutMs, isDefault, signal);
  try {
    if (!request.isRepeatable) tools.onSend();
    const title = requestTitle(template.method, template.url);
    const response = await exchange(request, clientFor, title, limit.signal).catch((error) => {
      throw limit.explain(error, title);
    });
    const bytes = await readBody(response, request, tools.limits, limit).catch((error) => {
      throw bodyError(limit.explain(error), template);
    });
    return await judge(template, response, bytes, request.unpacksAnswer);
  } finally {
    limit.clear();
  }
}

function readBody(response: HttpResponse, request: PreparedRequest, limits: BodyLimits, limit: Deadline) {
  // Servers that pack everything say so of empty answers, too.
  const isEmpty = response.headers["content-length"] === "0";
  const encoding = isEmpty ? undefined : response.headers["content-encoding"];
  const answer = { body: response.body, encoding, unpacks: request.unpacksAnswer };
  return readAnswer(answer, limits, () => limit.noteProgress(), limit.signal);
}

async function judge(
  template: HttpTemplate,
  response: HttpResponse,
  bytes: Buffer,
  unpacked: boolean,
): Promise<NodeResult> {
  const outputs = { result: decodeText(bytes, () => "\ufffd") };
  const { status } = response;
  const condition = template.successCondition;
  if (condition === "") {
    if (status >= 200 && status < 300) return { phase: "Succeeded", outputs };
    return { phase: "Failed", message: `received non-2xx response code: ${status}`, outputs };
  }
  const text = decodeText(bytes, (byte) => String.fromCharCode(0xdc00 + byte));
  const answer = { status, text, rawHeaders: headersOf(response, unpacked) };
  if (await isSuccess(template, answer)) return { phase: "Succeeded", outputs };
  return { phase: "Failed", message: `successCondition '${condition}' evaluated false`, outputs };
}

/** An answer that we unpacked has neither the length nor the encoding that it announced. */
function headersOf(response: HttpResponse, unpacked: boolean): readonly string[] {
  const { rawHeaders } = response;
  if (!unpacked || response.headers["content-encoding"]?.toLowerCase() !== "gzip") return rawHeaders;
  return rawHeaders.filter((_, at) => !/^content-(encoding|length)$/i.test(rawHeaders[at - (at % 2)] ?? ""));
}

/** Limits name the request, what the connection did is told as the reference tells it. */
function bodyError(error: unknown, { method, url }: HttpTemplate): unknown {
  if (isExecutorError(error, "TooLarge")) return ExecutorError.wrap(error, requestTitle(method, url));
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
