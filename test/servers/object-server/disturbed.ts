import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { resetConnection } from "../connections.ts";
import type { Fault } from "./faults.ts";

/** Bytes of an answer with the fault that struck its request; an answer without bytes is struck, too. */
export async function* disturbed(
  content: AsyncIterable<Buffer>,
  fault: Fault,
  response: ServerResponse,
): AsyncGenerator<Buffer> {
  let sent = 0;
  const limit = "afterBytes" in fault ? (fault.afterBytes ?? 0) : 0;
  const isReset = fault.kind === "reset" && fault.of !== "request";
  let isHeld = fault.kind === "stall";
  const signal = untilClosed(response);
  let isEmpty = true;
  for await (const chunk of content) {
    const start = sent;
    sent += chunk.length;
    isEmpty = false;
    if (fault.kind === "slow") {
      yield* paced(chunk, fault.bytesPerSecond, signal);
      continue;
    }
    if (fault.kind === "corrupt") {
      const at = (fault.at ?? 0) - start;
      if (at >= 0 && at < chunk.length) chunk[at] = (chunk[at] ?? 0) ^ 0xff;
    }
    if (sent < limit || !(isReset || isHeld || fault.kind === "truncate")) {
      yield chunk;
      continue;
    }
    if (limit > start) yield chunk.subarray(0, limit - start);
    await flushed(response);
    if (isReset) resetConnection(response.socket);
    if (!isHeld) return;
    await pause(fault.kind === "stall" ? fault.ms : 0, signal);
    isHeld = false;
    yield chunk.subarray(Math.max(0, limit - start));
  }
  if (isEmpty && isHeld) await pause(fault.kind === "stall" ? fault.ms : 0, signal);
  if (isEmpty && isReset) resetConnection(response.socket);
}

/** Twenty pieces a second. */
async function* paced(chunk: Buffer, bytesPerSecond: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const pieceBytes = Math.max(1, Math.ceil(bytesPerSecond / 20));
  for (let at = 0; at < chunk.length; at += pieceBytes) {
    const piece = chunk.subarray(at, at + pieceBytes);
    yield piece;
    await pause((piece.length / bytesPerSecond) * 1000, signal);
  }
}

/** Aborts once there is nobody to wait for: the client has left, or the server is closing. */
export function untilClosed(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed) controller.abort();
  else response.once("close", () => controller.abort());
  return controller.signal;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return sleep(ms, undefined, signal ? { signal } : {});
}

/** Gives the bytes handed over so far to the kernel; a reset would drop them otherwise. */
async function flushed(response: ServerResponse): Promise<void> {
  response.flushHeaders();
  // Two turns of the event loop: one for the pipeline to hand the last piece on, one for the socket to write it.
  while (response.writableLength > 0 && !response.destroyed) await sleep(1);
  await sleep(2);
}
