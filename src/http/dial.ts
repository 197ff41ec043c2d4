import { connect, isIP, type LookupFunction, type OnReadOpts, type Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { ExecutorError } from "../errors/index.ts";
import { AnswerReader } from "./answer-reader.ts";
import { dialTimeout } from "./errors.ts";

/** A server, or a proxy. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** Where a connection goes. */
export interface Route extends Endpoint {
  /** As in `Host`: without the port where it is the scheme's own. */
  readonly authority: string;
  /** What lies between; its credentials as the value of Proxy-Authorization. */
  readonly proxy: (Endpoint & { readonly authorization: string | undefined }) | undefined;
}

export interface DialSettings {
  readonly lookup: LookupFunction | undefined;
  readonly connectTimeoutMs: number;
  /** Asked for each TLS connection; built once. */
  secureContext(): SecureContext;
  readonly insecureSkipVerify: boolean;
  /** The name in the server's certificate, where it is not the host. */
  readonly serverName: string | undefined;
}

/** True where a tunnel has to be asked for first, so that the socket is not there at once. */
export function needsTunnel({ isTls, proxy }: Route): boolean {
  return isTls && proxy !== undefined;
}

/**
 * Begins a connection to the server, or to the proxy that takes plain requests. It may be written to at once. Its
 * bytes go where `onread` says. What fails destroys the socket.
 */
export function dial(route: Route, settings: DialSettings, onread: OnReadOpts): Socket {
  const first = route.proxy ?? route;
  const socket = open(first, settings, { onread, alpn: "http/1.1", isServer: !route.proxy });
  const timer = setTimeout(() => socket.destroy(dialTimeout(first)), settings.connectTimeoutMs);
  socket.once(first.isTls ? "secureConnect" : "connect", () => clearTimeout(timer));
  socket.once("close", () => clearTimeout(timer));
  return socket;
}

/** A TLS connection whose handshake is done, through the proxy where there is one, for any protocol of `alpn`. */
export async function dialTls(
  route: Route,
  settings: DialSettings,
  alpn: "http/1.1" | "h2",
  signal: AbortSignal,
): Promise<Socket> {
  let socket: Socket | undefined;
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = (error: Error) => {
    reject(error);
    socket?.destroy();
  };
  const onAbort = () => fail(signal.reason);
  const timer = setTimeout(() => fail(dialTimeout(route.proxy ?? route)), settings.connectTimeoutMs);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const { proxy } = route;
    let under: Socket | undefined;
    if (proxy) {
      under = socket = open(proxy, settings, { alpn: "http/1.1", isServer: false });
      await Promise.race([askForTunnel(under, route), promise]);
    }
    socket = open(route, settings, { alpn, isServer: true, under });
    await Promise.race([hasHappened(socket, "secureConnect"), promise]);
    return socket;
  } catch (error) {
    socket?.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    promise.catch(() => {});
  }
}

/** The kernel notices within a minute or two that the other side is gone. */
const aliveness = { keepAlive: true, keepAliveInitialDelay: 30_000 };

interface Opening {
  readonly alpn: "http/1.1" | "h2";
  /** False: a proxy, to which neither the client certificate's server name nor the server's trust settings belong. */
  readonly isServer: boolean;
  readonly onread?: OnReadOpts;
  readonly under?: Socket | undefined;
}

function open({ host, port, isTls }: Endpoint, settings: DialSettings, opening: Opening): Socket {
  const { alpn, isServer, onread, under } = opening;
  const { lookup } = settings;
  const target = {
    host,
    port,
    noDelay: true,
    ...aliveness,
    ...(lookup && { lookup }),
    ...(onread && { onread }),
  };
  if (!isTls) return connect(target);
  const servername = (isServer ? settings.serverName : undefined) ?? (isIP(host) === 0 ? host : undefined);
  // Not an import: most pods speak TLS to nobody but the API server, and only some of them that.
  return process.getBuiltinModule("node:tls").connect({
    ...target,
    ...(under && { socket: under }),
    ...(servername && { servername }),
    secureContext: settings.secureContext(),
    rejectUnauthorized: !settings.insecureSkipVerify,
    ALPNProtocols: [alpn],
  });
}

async function askForTunnel(socket: Socket, { host, port, proxy }: Route): Promise<void> {
  const target = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const credentials = proxy?.authorization ? `proxy-authorization: ${proxy.authorization}\r\n` : "";
  socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${credentials}\r\n`, "latin1");
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  // Read as the answer to HEAD: behind a 2xx the tunnel begins, and what else has a body ends the connection.
  const reader = new AnswerReader("HEAD", {
    onHead: ({ status }) => resolve(status),
    onBody() {},
    onEnd() {},
  });
  const onData = (bytes: Buffer) => {
    try {
      reader.take(bytes);
    } catch (error) {
      reject(error);
    }
  };
  const onClose = () => reject(refusedTunnel("it closed the connection"));
  socket.on("data", onData);
  socket.once("error", reject);
  socket.once("close", onClose);
  try {
    const status = await promise;
    if (status < 200 || status > 299) throw refusedTunnel(`it answered ${status}`, status);
  } finally {
    socket.off("data", onData);
    socket.off("error", reject);
    socket.off("close", onClose);
    socket.pause();
  }
}

function refusedTunnel(why: string, status?: number): ExecutorError {
  const code = status === 407 ? "Unauthorized" : status === 403 ? "Forbidden" : "Transient";
  return new ExecutorError(code, `the proxy refuses the connection: ${why}`);
}

function hasHappened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once("error", reject);
    socket.once("close", () =>
      reject(Object.assign(new Error("closed during the handshake"), { code: "ECONNRESET" })),
    );
  });
}
