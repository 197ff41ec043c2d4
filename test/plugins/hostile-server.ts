import { once } from "node:events";
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { createServer as createSocketServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";

/** A server of HTTP/2 on a unix socket whose every answer is the test's to write. */
export async function startHttp2(
  t: TestContext,
  socketPath: string,
  answer: (stream: ServerHttp2Stream, path: string, headers: IncomingHttpHeaders) => void,
): Promise<void> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("sessionError", () => {});
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => {});
    answer(stream, headers[":path"] ?? "", headers);
  });
  await listen(t, server, socketPath);
  t.after(() => {
    for (const session of sessions) session.destroy();
  });
}

/** A server on a unix socket that speaks whatever the test makes it say. */
export async function startSocket(
  t: TestContext,
  socketPath: string,
  speak: (socket: Socket) => void,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    speak(socket);
  });
  await listen(t, server, socketPath);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
}

async function listen(t: TestContext, server: Server | Http2Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, "listening");
  t.after(() => {
    server.close();
  });
}

export const grpcHead = { ":status": 200, "content-type": "application/grpc" } as const;

/** A message as gRPC frames it, with a length and a flag that may be lies. */
export function frame(message: Uint8Array, { length = message.byteLength, flag = 0 } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

/** Answers with head, these bytes, and a status. */
export function respond(
  stream: ServerHttp2Stream,
  bytes: Uint8Array,
  trailers: Record<string, string> = { "grpc-status": "0" },
): void {
  stream.respond(grpcHead, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(bytes);
}
