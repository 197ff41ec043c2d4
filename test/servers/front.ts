import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** What goes wrong with the requests that match; `times` is how many it strikes (all, if left out). */
export interface FrontFault {
  readonly method?: string;
  /** Of path and query, as they are on the wire. */
  readonly path?: RegExp;
  readonly times?: number;
  readonly effect: FrontEffect;
}

export type FrontEffect =
  /** Answers itself; the server behind never hears of it. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Resets the connection after so much of the request, or of the answer's body. */
  | { readonly kind: "reset"; readonly of: "request" | "answer"; readonly afterBytes: number }
  /** Sends the answer up to there, and then nothing for so long. */
  | { readonly kind: "stall"; readonly afterBytes: number; readonly ms: number }
  /** Announces the whole length and closes in order after so much of it. */
  | { readonly kind: "truncate"; readonly afterBytes: number }
  /** Flips all bits of one byte of the answer's body. */
  | { readonly kind: "corrupt"; readonly at: number }
  /** Lies about the answer: another status, other headers (undefined: none of that name), another body. */
  | {
      readonly kind: "lie";
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string | undefined>>;
      readonly body?: (text: string) => string;
    }
  /** Lets the request through only after so long. */
  | { readonly kind: "delay"; readonly ms: number };

export interface FrontRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Front extends AsyncDisposable {
  /** `HOST:PORT`. */
  readonly endpoint: string;
  readonly url: string;
  readonly requests: readonly FrontRequest[];
  addFault(fault: FrontFault): void;
  /** Resolves to the first request, past or future, that is accepted. */
  waitForRequest(accept: (request: FrontRequest) => boolean): Promise<FrontRequest>;
}

export interface FrontOptions {
  /** `HOST:PORT` of the real server. */
  readonly target: string;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Looks at each request first; undefined: it passes. May change the headers that go on. */
  readonly guard?: (
    request: FrontRequest,
    headers: Record<string, string | string[] | undefined>,
  ) =>
    | { readonly status: number; readonly body: string; readonly headers?: Record<string, string> }
    | undefined;
}

/** An HTTP server in front of a real one, which does what servers and networks do on bad days. */
export async function startFront(options: FrontOptions): Promise<Front> {
  const due: { readonly fault: FrontFault; left: number }[] = [];
  const requests: FrontRequest[] = [];
  const waiting: { accept: (request: FrontRequest) => boolean; resolve: (request: FrontRequest) => void }[] =
    [];
  const take = (request: FrontRequest) => {
    const hit = due.find(
      ({ fault, left }) =>
        left > 0 &&
        (fault.method === undefined || fault.method === request.method) &&
        (fault.path === undefined || fault.path.test(request.url)),
    );
    if (hit) hit.left -= 1;
    return hit?.fault.effect;
  };
  const serve = async (message: IncomingMessage, response: ServerResponse) => {
    const { method = "", headers } = message;
    // A proxy gets the whole URL.
    const url = (message.url ?? "").replace(/^https?:\/\/[^/]+/, "");
    const request = { method, url, headers };
    requests.push(request);
    for (const each of waiting) if (each.accept(request)) each.resolve(request);
    const effect = take(request);
    const passed: Record<string, string | string[] | undefined> = { ...headers };
    const refusal = options.guard?.(request, passed);
    if (effect?.kind === "answer" || refusal !== undefined) {
      message.resume();
      const answer = effect?.kind === "answer" ? effect : (refusal ?? { status: 500, body: "" });
      response.writeHead(answer.status, answer.headers ?? {});
      response.end(answer.body ?? "");
      return;
    }
    if (effect?.kind === "delay") await sleep(effect.ms);
    await forward(message, response, { options, url, passed, effect });
  };
  const onRequest = (message: IncomingMessage, response: ServerResponse) => {
    serve(message, response).catch(() => response.destroy());
  };
  const listener = options.tls ? createTlsServer(options.tls, onRequest) : createServer(onRequest);
  listener.keepAliveTimeout = 30_000;
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const endpoint = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    endpoint,
    url: `${options.tls ? "https" : "http"}://${endpoint}`,
    requests,
    addFault: (fault) => void due.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY }),
    async waitForRequest(accept) {
      const known = requests.find(accept);
      if (known) return known;
      return await new Promise((resolve) => waiting.push({ accept, resolve }));
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, "close");
      listener.close();
      (listener as ReturnType<typeof createServer>).closeAllConnections();
      await closed;
    },
  };
}

interface Forwarding {
  readonly options: FrontOptions;
  readonly url: string;
  readonly passed: Record<string, string | string[] | undefined>;
  readonly effect: FrontEffect | undefined;
}

async function forward(
  message: IncomingMessage,
  response: ServerResponse,
  { options, url, passed, effect }: Forwarding,
): Promise<void> {
  const [host = "", port] = options.target.split(":");
  const onward = send({
    host,
    port: Number(port),
    method: message.method,
    path: url,
    headers: passed,
    agent: false,
  });
  // Whoever leaves early takes the way onward along.
  response.once("close", () => onward.destroy());
  const answered = once(onward, "response") as Promise<[IncomingMessage]>;
  answered.catch(() => {});
  const isCut = effect?.kind === "reset" && effect.of === "request";
  if (isCut) {
    let seen = 0;
    for await (const chunk of message.iterator({ destroyOnReturn: false })) {
      seen += (chunk as Buffer).length;
      onward.write(chunk);
      if (seen >= effect.afterBytes) break;
    }
    message.socket.resetAndDestroy();
    onward.destroy();
    return;
  }
  // A server may answer, and refuse the rest, before all of the request has come.
  const sent = pipeline(message, onward);
  sent.catch(() => {});
  const [answer] = await Promise.race([answered, sent.then(() => answered)]);
  const headers: Record<string, string | string[] | undefined> = { ...answer.headers };
  let status = answer.statusCode ?? 0;
  if (effect?.kind === "lie") {
    status = effect.status ?? status;
    for (const [name, value] of Object.entries(effect.headers ?? {})) headers[name] = value;
    if (effect.body !== undefined) {
      const text = effect.body(Buffer.concat(await answer.toArray()).toString());
      if (headers["content-length"] !== undefined)
        headers["content-length"] = String(Buffer.byteLength(text));
      response.writeHead(status, defined(headers)).end(text);
      return;
    }
  }
  if (effect?.kind === "truncate") headers.connection = "close";
  response.writeHead(status, defined(headers));
  await pipeline(answer, disturbed(effect, response), response);
}

function disturbed(effect: FrontEffect | undefined, response: ServerResponse): Transform {
  let seen = 0;
  return new Transform({
    async transform(chunk: Buffer, _, done) {
      const start = seen;
      seen += chunk.length;
      if (effect?.kind === "corrupt" && effect.at >= start && effect.at < seen) {
        chunk[effect.at - start] = (chunk[effect.at - start] ?? 0) ^ 0xff;
      }
      const limit =
        effect?.kind === "stall" ||
        effect?.kind === "truncate" ||
        (effect?.kind === "reset" && effect.of === "answer")
          ? effect.afterBytes
          : Number.POSITIVE_INFINITY;
      if (seen < limit) return done(null, chunk);
      response.write(chunk.subarray(0, Math.max(0, limit - start)), () => {
        if (effect?.kind === "reset") response.socket?.resetAndDestroy();
        else if (effect?.kind === "truncate") response.socket?.end();
        else if (effect?.kind === "stall") {
          setTimeout(() => done(null, chunk.subarray(Math.max(0, limit - start))), effect.ms).unref();
          return;
        }
        done(new Error("cut"));
      });
    },
  });
}

function defined(headers: Record<string, string | string[] | undefined>) {
  return Object.fromEntries(Object.entries(headers).filter((entry) => entry[1] !== undefined)) as Record<
    string,
    string | string[]
  >;
}
