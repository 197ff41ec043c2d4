import type { IncomingMessage } from "node:http";
import { connect, isIP, type Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ExecutorError } from "../../../errors/index.ts";
import { type ProxySettings, parseNoProxy, translateNetworkError } from "../../../http/index.ts";

/** Where a connection is to lead, and on which way. */
export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
  readonly proxy: ProxySettings;
  /** PEM of the roots to trust, for a proxy that is spoken to over TLS; undefined: Node's own. */
  readonly caPem: string | undefined;
}

/** A proxy, or a server, that says nothing at all. */
const connectTimeoutMs = 15_000;

/**
 * Joins a connection to `host:port` with two streams, until either side ends: what ssh calls a ProxyCommand. It goes
 * through the proxy for https unless NO_PROXY says otherwise. Many proxies let nothing but port 443 pass, and until now
 * ssh knew of no proxy: where the proxy refuses, the server is tried without it.
 * @throws what went wrong on either way
 */
export async function joinTunnel(
  target: TunnelTarget,
  { input, output }: { readonly input: Readable; readonly output: Writable },
  signal: AbortSignal,
): Promise<void> {
  const socket = await openTunnel(target);
  // The end of one side ends the other; what is still under way to us is read before.
  await Promise.all([pipeline(input, socket, { signal }), pipeline(socket, output, { signal })]);
}

async function openTunnel(target: TunnelTarget): Promise<Duplex> {
  const proxy = proxyFor(target);
  const where = `no way to ${target.host}:${target.port}`;
  let refusal = "";
  if (proxy !== undefined) {
    try {
      return await askProxy(target, proxy);
    } catch (error) {
      refusal = `: ${translateNetworkError(error, "the proxy").message}; without the proxy`;
    }
  }
  try {
    return await dial(target);
  } catch (error) {
    throw translateNetworkError(error, where + refusal);
  }
}

function proxyFor({ host, port, proxy }: TunnelTarget): URL | undefined {
  const address = proxy.httpsProxy ?? "";
  if (address === "" || parseNoProxy(proxy.noProxy)(new URL(`https://${authority(host, port)}`)))
    return undefined;
  const url = address.includes("://") ? address : `http://${address}`;
  if (!URL.canParse(url)) {
    throw new ExecutorError("BadRequest", "HTTPS_PROXY must be a URL such as http://host:port");
  }
  return new URL(url);
}

async function askProxy({ host, port, caPem }: TunnelTarget, proxy: URL): Promise<Duplex> {
  const isTls = proxy.protocol === "https:";
  // Not an import: node:http costs every process that reads this file, and nearly none needs it.
  const { request } = process.getBuiltinModule(isTls ? "node:https" : "node:http");
  const path = authority(host, port);
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const asking = request({
    method: "CONNECT",
    host: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port || (isTls ? 443 : 80),
    path,
    headers: {
      host: path,
      ...(user !== ":" && { "proxy-authorization": `Basic ${Buffer.from(user).toString("base64")}` }),
    },
    agent: false,
    timeout: connectTimeoutMs,
    ...(caPem !== undefined && { ca: caPem }),
  });
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  asking.on("connect", ({ statusCode = 0 }: IncomingMessage, socket: Socket, head: Buffer) => {
    if (statusCode < 200 || statusCode > 299) {
      socket.destroy();
      reject(new ExecutorError("Forbidden", `the proxy answers ${statusCode}`));
      return;
    }
    socket.setTimeout(0);
    // A server that speaks first, as ssh does, may have been quicker than the reader of the proxy's answer.
    if (head.length > 0) socket.unshift(head);
    resolve(socket);
  });
  asking.on("response", (response) => {
    response.destroy();
    reject(new ExecutorError("Forbidden", `the proxy answers ${response.statusCode}`));
  });
  asking.on("timeout", () => asking.destroy(new ExecutorError("Timeout", "the proxy does not answer")));
  asking.on("error", reject);
  asking.end();
  return await promise;
}

async function dial({ host, port }: TunnelTarget): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true, timeout: connectTimeoutMs });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  socket.once("connect", () => {
    socket.setTimeout(0);
    resolve(socket);
  });
  socket.once("timeout", () =>
    socket.destroy(
      Object.assign(new Error(`dial tcp ${host}:${port}: i/o timeout`), { code: "ERR_DIAL_TIMEOUT" }),
    ),
  );
  socket.on("error", reject);
  return await promise;
}

function authority(host: string, port: number): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
