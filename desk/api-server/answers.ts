import type { IncomingMessage, ServerResponse } from "node:http";
import { type ApiRefusal, requestTooLarge } from "./status.ts";

export async function readBody(message: IncomingMessage, bytesMax: number): Promise<string> {
  if (Number(message.headers["content-length"] ?? 0) > bytesMax) throw requestTooLarge(bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The message must outlive a body that is given up, since the refusal goes over the same socket.
  for await (const chunk of message.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw requestTooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const isText = typeof value === "string";
  const body = isText ? value : `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    "content-type": isText ? "text/plain; charset=utf-8" : "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

export function refuse(response: ServerResponse, { status, retryAfterSeconds }: ApiRefusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (retryAfterSeconds !== undefined) response.setHeader("retry-after", retryAfterSeconds);
  sendJson(response, status.code ?? 500, status);
}
