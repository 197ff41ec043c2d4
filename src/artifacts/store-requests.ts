import { ExecutorError, type TextPattern } from "../errors/index.ts";
import {
  type BodyOptions,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  type Received,
  readBody,
  readText,
} from "../http/index.ts";
import { parseRetryAfter } from "../retry/index.ts";
import { appendTo, type ByteSink } from "../streams/index.ts";

/** An answer that is none of those the request asked for. */
export interface Refusal {
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
  readonly retryAfterMs: number | undefined;
  /** True where `TRANSIENT_ERROR_PATTERN` matches what the store said. */
  isTransient(text: string): boolean;
  /** The value of a header, by its name in lower case. */
  header(name: string): string | undefined;
}

/** A request as it goes on the wire, under the identity of now. */
export interface SignedRequest {
  readonly request: HttpRequest;
  /** Called when the store refused the identity. Resolves to true if there is another to try, such as a new token. */
  renew(signal: AbortSignal): Promise<boolean>;
}

/** How one kind of store is spoken to: `Request` is a request as its driver thinks of it. */
export interface StoreProtocol<Request> {
  sign(request: Request, signal: AbortSignal): Promise<SignedRequest>;
  /** The one translation of what the store answers. */
  toError(refusal: Refusal, request: Request): ExecutorError;
  /** True where another identity, or the same one read again, may help. */
  isAboutIdentity(refusal: Refusal): boolean;
  /** Learns from a refusal; resolves to true where the request has a chance now, such as at another address. */
  learns?(refusal: Refusal, request: Request, signal: AbortSignal): Promise<boolean>;
  /** Describes the exchange of a request to whoever traces it. */
  traced?<Response extends HttpResponse>(
    request: Request,
    exchange: () => Promise<Response>,
  ): Promise<Response>;
}

const stallTimeoutMs = 60_000;
const refusalBytesMax = 64 * 1024;
/** A page of a listing, the longest text there is, has about a kilobyte for each of its 1,000 keys. */
const textBytesMax = 64 * 1024 * 1024;

/**
 * Sends the signed requests of one location. Every answer but 2xx, and those that a request names, is thrown,
 * translated; one that is about the identity is followed by a second try with a renewed one. Repeating what may pass is
 * the transfer engine's.
 */
export class StoreRequests<Request> {
  readonly #http: HttpClient;
  readonly #protocol: StoreProtocol<Request>;
  readonly #transientPattern: TextPattern | undefined;

  constructor(http: HttpClient, protocol: StoreProtocol<Request>, transientPattern: TextPattern | undefined) {
    this.#http = http;
    this.#protocol = protocol;
    this.#transientPattern = transientPattern;
  }

  /** `alsoGood` are statuses besides 2xx that the caller understands. */
  async send(request: Request, signal: AbortSignal, alsoGood: readonly number[] = []): Promise<StoreAnswer> {
    const exchange = (signed: HttpRequest) => this.#http.request(signed, signal);
    return await this.#deliver(request, exchange, signal, alsoGood);
  }

  async #deliver<Response extends HttpResponse>(
    request: Request,
    exchange: (signed: HttpRequest) => Promise<Response>,
    signal: AbortSignal,
    alsoGood: readonly number[] = [],
  ): Promise<StoreAnswer<Response>> {
    const protocol = this.#protocol;
    for (let isRenewed = false; ; ) {
      const signed = await protocol.sign(request, signal);
      const exchanged = () => exchange(signed.request);
      const response = await (protocol.traced?.(request, exchanged) ?? exchanged());
      const answer = new StoreAnswer(signed.request, response);
      if (answer.isSuccess || alsoGood.includes(answer.status)) return answer;
      const refusal = this.#refusalOf(answer, await answer.text(refusalBytesMax));
      if (await protocol.learns?.(refusal, request, signal)) continue;
      if (!isRenewed && protocol.isAboutIdentity(refusal) && (await signed.renew(signal))) {
        isRenewed = true;
        continue;
      }
      throw protocol.toError(refusal, request);
    }
  }

  /** The request's answer as text, which is small. */
  async sendForText(request: Request, signal: AbortSignal): Promise<string> {
    const answer = await this.send(request, signal);
    expectNoPage(answer);
    return await answer.text(textBytesMax);
  }

  /** Sends a request whose answer's head is all that counts. */
  async sendForHead(
    request: Request,
    signal: AbortSignal,
    alsoGood: readonly number[] = [],
  ): Promise<StoreAnswer> {
    const answer = await this.send(request, signal, alsoGood);
    await answer.text(refusalBytesMax);
    if (answer.method !== "HEAD") expectNoPage(answer);
    return answer;
  }

  /** A GET whose body comes in chunks; `check` reads the head, and throws for a wrong one. */
  async read<T extends object>(
    request: Request,
    check: (answer: StoreAnswer) => T,
    signal: AbortSignal,
  ): Promise<T & { readonly chunks: AsyncIterable<Uint8Array> }> {
    const answer = await this.send(request, signal);
    try {
      return { ...check(answer), chunks: readBody(answer.response.body, answer.bodyOptions) };
    } catch (error) {
      answer.response.body.destroy();
      throw error;
    }
  }

  /** The same for a body of `sizeBytes` that goes straight to the sink. */
  async receive<T>(
    request: Request,
    { sizeBytes, sink }: { readonly sizeBytes: number; readonly sink: ByteSink },
    check: (answer: StoreAnswer) => T,
    signal: AbortSignal,
  ): Promise<T> {
    const exchange = (signed: HttpRequest) => this.#http.receive(signed, sizeBytes, sink, signal);
    const answer: StoreAnswer<Received> = await this.#deliver(request, exchange, signal);
    try {
      const checked = check(answer);
      if (!answer.response.isInSink) {
        for await (const chunk of readBody(answer.response.body, answer.bodyOptions)) appendTo(sink, chunk);
      }
      return checked;
    } catch (error) {
      answer.response.body.destroy();
      throw error;
    }
  }

  #refusalOf(answer: StoreAnswer, body: string): Refusal {
    return {
      status: answer.status,
      body,
      retryAfterMs: parseRetryAfter(answer.header("retry-after")),
      isTransient: (text) => this.#transientPattern?.test(text) ?? false,
      header: (name) => answer.header(name),
    };
  }
}

/** What a store answered: the head, and a body that must be read. */
export class StoreAnswer<Response extends HttpResponse = HttpResponse> {
  readonly method: string;
  readonly status: number;
  readonly response: Response;
  readonly #request: HttpRequest;

  constructor(request: HttpRequest, response: Response) {
    this.method = request.method;
    this.status = response.status;
    this.response = response;
    this.#request = request;
  }

  get bodyOptions(): BodyOptions {
    return bodyOptions(this.#request);
  }

  get isSuccess(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  header(name: string): string | undefined {
    const value = this.response.headers[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  async text(limitBytes = textBytesMax): Promise<string> {
    return await readText(this.response.body, limitBytes, this.bodyOptions);
  }
}

/** A web page in a success is some proxy's or portal's; the store has not even seen the request. */
function expectNoPage(answer: StoreAnswer): void {
  if (!/^text\/html\b/i.test(answer.header("content-type") ?? "")) return;
  throw new ExecutorError(
    "Transient",
    `${answer.bodyOptions.during}: a web page came instead of the store's answer`,
  );
}

function bodyOptions({ method, origin, path }: HttpRequest): BodyOptions {
  return {
    // Asked for when something fails. Without the query, where signatures and session names live.
    get during() {
      const word = method.charAt(0) + method.slice(1).toLowerCase();
      return `${word} "${origin}${path.replace(/\?.*$/s, "")}"`;
    },
    stallTimeoutMs,
  };
}
