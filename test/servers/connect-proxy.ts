import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { TestContext } from "node:test";

export interface ConnectProxy {
  /** With user and password, where it asks for them. */
  readonly url: string;
  /** `host:port` of each tunnel, and of each plain request. */
  readonly asked: readonly string[];
}

export interface ConnectProxyOptions {
  /** Names that only this proxy knows, and where they lead: an address without port. */
  readonly hosts?: ReadonlyMap<string, string>;
  /** `user:password`, without which nothing passes. */
  readonly credentials?: string;
}

const refusal = [
  "HTTP/1.1 407 Proxy Authentication Required",
  'proxy-authenticate: Basic realm="proxy"',
  "content-length: 0",
  "connection: close",
  "\r\n",
].join("\r\n");

/** A proxy that opens tunnels (RFC 9110 section 9.3.6), passes plain requests on, and remembers where to. */
export async function startConnectProxy(
  t: TestContext,
  { hosts = new Map(), credentials }: ConnectProxyOptions = {},
): Promise<ConnectProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString("base64")}`;
  const placeOf = (hostname: string) => hosts.get(hostname) ?? hostname;
  const server = createServer((request, response) => {
    if (wanted !== undefined && request.headers["proxy-authorization"] !== wanted) {
      response.writeHead(407, { "proxy-authenticate": 'Basic realm="proxy"' }).end();
      return;
    }
    const { method, headers } = request;
    const { host, hostname, port, pathname, search } = new URL(request.url ?? "");
    asked.push(host);
    const target = { host: placeOf(hostname), port: port || 80, method, path: pathname + search, headers };
    const onward = forward({ ...target, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.on("connect", (request, socket: Socket, head) => {
    keep(socket);
    if (wanted !== undefined && request.headers["proxy-authorization"] !== wanted) {
      socket.end(refusal);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    asked.push(request.url ?? "");
    const upstream = connect(Number(port), placeOf(hostname), () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    keep(upstream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  });
  const user = credentials === undefined ? "" : `${credentials}@`;
  return { url: `http://${user}127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
