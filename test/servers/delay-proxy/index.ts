import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { DelayLine } from "./delay-line.ts";

export interface DelayProxyOptions {
  /** `HOST:PORT`, or a URL whose host and port count. */
  readonly target: string;
  /** How long each byte is under way, in each direction; a round trip takes twice as long. */
  readonly delayMs: number;
  /** Default 0: any free one. */
  readonly port?: number;
}

export interface DelayProxy extends AsyncDisposable {
  /** `http://HOST:PORT`. */
  readonly url: string;
  /** `HOST:PORT`. */
  readonly endpoint: string;
  /** Connections accepted so far. */
  readonly connections: number;
}

/**
 * Starts a TCP proxy on loopback that makes the target as far away as a real store. Only data is delayed: the handshake
 * of a connection costs nothing. Rejects if the port is taken.
 */
export async function startDelayProxy(options: DelayProxyOptions): Promise<DelayProxy> {
  const { hostname, port } = new URL(
    /^\w+:\/\//.test(options.target) ? options.target : `tcp://${options.target}`,
  );
  const open = new Set<Socket>();
  let connections = 0;
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections += 1;
    const target = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    open.add(client).add(target);
    void forward(client, target, options.delayMs).finally(() => {
      open.delete(client);
      open.delete(target);
    });
  });
  listener.listen(options.port ?? 0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address() as AddressInfo;
  const endpoint = `127.0.0.1:${address.port}`;
  return {
    url: `http://${endpoint}`,
    endpoint,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      if (!listener.listening) return;
      const closed = once(listener, "close");
      listener.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Joins two sockets until both directions have ended; a failure of one side ends the other. */
async function forward(client: Socket, target: Socket, delayMs: number): Promise<void> {
  try {
    await Promise.all([
      pipeline(client, new DelayLine(delayMs), target),
      pipeline(target, new DelayLine(delayMs), client),
    ]);
  } catch {
    // Either side may break the connection at any time; that is passed on, and is no failure of the proxy.
    client.destroy();
    target.destroy();
  }
}
