import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** A server that answers each request with a JSON document or a text, or refuses it (401), and keeps what it was asked. */
export async function startTokenServer(
  t: TestContext,
  answer: (message: IncomingMessage, body: string) => object | string | undefined,
) {
  const asked: string[] = [];
  const server = createServer((message, response) => {
    void message.toArray().then((chunks) => {
      asked.push(message.url ?? "");
      const value = answer(message, Buffer.concat(chunks).toString());
      const headers = { "content-type": "application/json" };
      response
        .writeHead(value === undefined ? 401 : 200, headers)
        .end(typeof value === "string" ? value : JSON.stringify(value ?? { error: "invalid_client" }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
