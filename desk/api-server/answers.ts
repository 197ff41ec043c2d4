import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import type { ApiFault } from "./faults.ts";
import { ApiRefusal, failure, requestTooLarge } from "./status.ts";

/** Node cannot reset the connection below TLS; without a closing message its end is an error for the client all the same. */
export function resetConnection(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/** Rejects early if the client leaves or the server closes. */
export async function delay(response: ServerResponse, ms: number): Promise<void> {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  await sleep(ms, undefined, { signal: controller.signal });
}

export async function readBody(message: IncomingMessage, maxBytes: number): Promise<string> {
  if (Number(message.headers["content-length"] ?? 0) > maxBytes) throw requestTooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The message must outlive a body that is given up, since the refusal goes over the same socket.
  for await (const chunk of message.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw requestTooLarge(maxBytes);
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

const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  413: "RequestEntityTooLarge",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

export function sendFault(response: ServerResponse, fault: ApiFault & { readonly kind: "status" }): void {
  const { status, body, retryAfterSeconds } = fault;
  if (body !== undefined) {
    if (retryAfterSeconds !== undefined) response.setHeader("retry-after", retryAfterSeconds);
    sendJson(response, status, body);
    return;
  }
  const reason = fault.reason ?? REASONS[status];
  refuse(
    response,
    new ApiRefusal(
      failure(status, reason, fault.message ?? `${reason} by a scripted fault`),
      retryAfterSeconds,
    ),
  );
}
