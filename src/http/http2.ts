import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { ConnectionSettings } from "./connection.ts";
import { dialTls, type Route } from "./dial.ts";
import { isPayloadStream } from "./payload.ts";
import type { HttpRequest, HttpResponse } from "./request.ts";
import { encodeHead } from "./request-head.ts";

export interface Http2Client extends Disposable {
  request(request: HttpRequest, route: Route, signal: AbortSignal): Promise<HttpResponse>;
}

/** Fields of a connection, which HTTP/2 has none of (RFC 9113 section 8.2.2), and what becomes a pseudo-header. */
const connectionFields = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * HTTP/2 by undici, over connections that are dialled as all others are. It is a file of its own, loaded for the first
 * server that speaks nothing else: it costs 40 to 90 ms of CPU.
 */
export async function openHttp2Client(settings: ConnectionSettings): Promise<Http2Client> {
  const { Client } = await import("undici");
  const clients = new Map<string, InstanceType<typeof Client>>();
  const clientFor = (origin: string, route: Route) => {
    const known = clients.get(origin);
    if (known && !known.destroyed && !known.closed) return known;
    const dialled = new AbortController();
    const client = new Client(origin, {
      allowH2: true,
      headersTimeout: settings.idleTimeoutMs,
      bodyTimeout: 0,
      connect: (_, callback) => {
        dialTls(route, settings, "h2", dialled.signal).then(
          (socket) => callback(null, socket as never),
          (error: Error) => callback(error, null),
        );
      },
    });
    clients.set(origin, client);
    return client;
  };
  return {
    async request({ method, origin, path, headers, payload, during = "" }, route, signal) {
      // Checked as every head is, although nothing of it goes on the wire as text.
      encodeHead({ method, target: path, authority: route.authority, headers, own: {} }, during);
      const fields: Record<string, string | string[]> = { host: String(headers.host ?? route.authority) };
      for (const [name, value] of Object.entries(headers)) {
        const lower = name.toLowerCase();
        if (!connectionFields.has(lower)) fields[lower] = typeof value === "string" ? value : [...value];
        else if (lower === "host") fields.host = String(value);
      }
      const body = isPayloadStream(payload)
        ? payload.open()
        : payload && Buffer.concat(payload.chunks as Uint8Array[]);
      const answer = await clientFor(origin, route).request({
        method: method as "GET",
        path,
        headers: fields,
        body: body ?? null,
        signal,
      });
      const rawHeaders = Object.entries(answer.headers).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value ?? ""]).flatMap((each) => [name, each]),
      );
      return {
        status: answer.statusCode,
        // HTTP/2 has none.
        statusText: "",
        headers: answer.headers as IncomingHttpHeaders,
        rawHeaders,
        body: answer.body instanceof Readable ? answer.body : Readable.from(answer.body),
      };
    },
    [Symbol.dispose]() {
      for (const client of clients.values()) void client.destroy().catch(() => {});
    },
  };
}
