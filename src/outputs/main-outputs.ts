import { once } from "node:events";
import { connect, type OnReadOpts, type Socket } from "node:net";
import { Readable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";
import type { ByteSink } from "../http/index.ts";
import { encodeArgument } from "../podfiles/index.ts";
import { FrameReceiver } from "./frame-receiver.ts";
import { type Frame, readFrames } from "./frames.ts";

/** What stands at an output path in main's file system. */
export type OutputStat =
  | { readonly kind: "file"; readonly sizeBytes: number }
  | { readonly kind: "directory" | "missing" | "other" };

/**
 * The outputs that main's emissary serves after the user's command has ended (native/README.md, "Serving outputs").
 * Each request has a connection of its own, so that requests may run side by side.
 */
export class MainOutputs {
  readonly #socketPath: string;
  readonly #warn: (message: string) => void;

  constructor(socketPath: string, warn: (message: string) => void) {
    this.#socketPath = socketPath;
    this.#warn = warn;
  }

  async stat(path: string, signal: AbortSignal): Promise<OutputStat> {
    const socket = await this.#request(["stat", path], signal);
    try {
      for await (const frame of readFrames(socket)) return parseStat(frame, path);
      throw ended(path);
    } finally {
      socket.destroy();
    }
  }

  /** Bytes of a regular file, from `offset`, `length` at most. */
  read(path: string, offset: number, length: number, signal: AbortSignal): Readable {
    return this.#stream(["read", path, String(offset), String(length)], path, signal);
  }

  /** The same straight into the sink, without a buffer for every 64 KiB in between. */
  async readInto(
    path: string,
    offset: number,
    length: number,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<void> {
    const frames = new FrameReceiver(sink, (frame) => endsAnswer(frame, path, this.#warn));
    const onread = { buffer: () => frames.space(), callback: (bytes: number) => frames.take(bytes) };
    const socket = await this.#request(["read", path, String(offset), String(length)], signal, onread);
    try {
      const closed = once(socket, "close", { signal });
      // It settles, one way or the other, after the answer, too.
      closed.catch(() => {});
      await Promise.race([frames.done, closed]);
      if (!frames.isDone) throw ended(path);
    } finally {
      socket.destroy();
    }
  }

  /** A tar stream of a file or directory (contract artifacts.md 6.1). */
  tar(path: string, signal: AbortSignal): Readable {
    return this.#stream(["tar", path], path, signal);
  }

  /** Lets the emissary go: it exits with the user's code. It may be gone already. */
  async release(signal: AbortSignal): Promise<void> {
    try {
      const socket = await this.#connect(signal);
      socket.end("release\n");
      socket.resume();
      await once(socket, "close", { signal });
    } catch {
      // Nobody listens: the emissary has ended by itself, which is what we wanted.
    }
  }

  #stream(request: readonly string[], path: string, signal: AbortSignal): Readable {
    const frames = this.#frames(request, signal);
    const warn = this.#warn;
    return Readable.from(dataOf(frames, path, warn), { objectMode: false, highWaterMark: 1 << 20 });
  }

  async *#frames(request: readonly string[], signal: AbortSignal): AsyncGenerator<Frame> {
    const socket = await this.#request(request, signal);
    try {
      yield* readFrames(socket);
    } finally {
      socket.destroy();
    }
  }

  async #request(
    [verb = "", path = "", ...numbers]: readonly string[],
    signal: AbortSignal,
    onread?: OnReadOpts,
  ): Promise<Socket> {
    const socket = await this.#connect(signal, onread);
    socket.write(`${[verb, encodeArgument(path), ...numbers].join(" ")}\n`);
    return socket;
  }

  async #connect(signal: AbortSignal, onread?: OnReadOpts): Promise<Socket> {
    const socket = connect({ path: this.#socketPath, signal, ...(onread && { onread }) });
    try {
      await once(socket, "connect", { signal });
      return socket;
    } catch (cause) {
      socket.destroy();
      throw new ExecutorError("NotFound", `main no longer serves its outputs: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}

async function* dataOf(
  frames: AsyncIterable<Frame>,
  path: string,
  warn: (message: string) => void,
): AsyncGenerator<Buffer> {
  for await (const frame of frames) {
    if (frame.type === "D") yield frame.bytes;
    else if (endsAnswer(frame, path, warn)) return;
  }
  throw ended(path);
}

/** What a frame without data means for a request that asked for data: true for its end. */
function endsAnswer(frame: Frame, path: string, warn: (message: string) => void): boolean {
  switch (frame.type) {
    case "W":
      warn(frame.bytes.toString());
      break;
    case "X":
      throw new ExecutorError("BadRequest", frame.bytes.toString());
    case "S":
      checkReadable(parseStat(frame, path), path);
      break;
  }
  return frame.type === "E";
}

function checkReadable(stat: OutputStat, path: string): void {
  if (stat.kind === "missing") throw new ExecutorError("NotFound", `stat ${path}: no such file or directory`);
  if (stat.kind === "other") {
    throw new ExecutorError("BadRequest", `${path} is not a regular file or directory`);
  }
}

function parseStat(frame: Frame, path: string): OutputStat {
  const text = frame.bytes.toString();
  if (frame.type !== "S") throw new ExecutorError("BadRequest", text || `unexpected answer for ${path}`);
  const [kind, size] = text.split(" ");
  switch (kind) {
    case "file":
      return { kind, sizeBytes: Number(size) };
    case "directory":
    case "missing":
    case "other":
      return { kind };
    default:
      throw new ExecutorError("Internal", `main answered "${text}" for ${path}`);
  }
}

function ended(path: string): ExecutorError {
  return new ExecutorError("Transient", `main ended while ${path} was being read`);
}
