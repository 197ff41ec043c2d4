import type { Readable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";
import { encodeArgument } from "../podfiles/index.ts";
import { type ByteRange, type ByteSink, byteStream } from "../streams/index.ts";
import { FrameReceiver } from "./frame-receiver.ts";
import { AnswerRules, type Frame, readFrames } from "./frames.ts";
import { IdleLimit } from "./idle-limit.ts";
import type { Connection, OutputServer } from "./output-server.ts";

/** What stands at an output path. */
export type OutputStat =
  | { readonly kind: "file"; readonly sizeBytes: number }
  | { readonly kind: "directory" | "missing" | "other" };

/** Something below a directory that is no directory itself; `body`: the content of a small file. */
export interface TreeEntry {
  /** Relative to the directory, as it came: to be checked. */
  readonly name: string;
  readonly kind: string;
  readonly sizeBytes: number;
  readonly body: Buffer | undefined;
}

/** A server that says nothing for so long has gone: reading a folder of a slow volume takes seconds. */
const idleMaxMs = 5 * 60_000;

/** Asks a server of output files (native/README.md, "Serving outputs"). Whatever it answers is checked: it may lie. */
export class OutputRequests {
  readonly #server: OutputServer;
  readonly #warn: (message: string) => void;
  readonly #idleMs: number;

  constructor(server: OutputServer, warn: (message: string) => void, idleMs = idleMaxMs) {
    this.#server = server;
    this.#warn = warn;
    this.#idleMs = idleMs;
  }

  async stat(path: string, signal: AbortSignal): Promise<OutputStat> {
    const rules = new AnswerRules(path, { dataBytesMax: 0 });
    for await (const frame of this.#answer(["stat", path], rules, signal)) return parseStat(frame, path);
    throw this.#ended(path);
  }

  /** Bytes of a regular file, from `offset`, `length` at most. */
  read(path: string, offset: number, length: number, signal: AbortSignal): Readable {
    const rules = new AnswerRules(path, { dataBytesMax: length });
    return this.#stream(["read", path, String(offset), String(length)], rules, signal);
  }

  /** The same straight into the sink, without a buffer for every 64 KiB in between where the server allows that. */
  async readInto(
    path: string,
    { offset, length }: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<void> {
    const rules = new AnswerRules(path, { dataBytesMax: length });
    const frames = new FrameReceiver(sink, rules, (frame) => this.#endsAnswer(frame, path));
    const idle = new IdleLimit(this.#idleMs, () => connection.socket.destroy(this.#silent(path)));
    const onread = {
      buffer: () => frames.space(),
      callback: (bytes: number) => {
        idle.refresh();
        return frames.take(bytes);
      },
    };
    const connection = await this.#server.connect(signal, onread);
    try {
      connection.socket.write(requestLine(["read", path, String(offset), String(length)]));
      if (!connection.isReadInto) await feed(connection, frames, idle);
      else await Promise.race([frames.done, closed(connection)]);
      if (!frames.isDone) throw this.#ended(path);
      await frames.done;
    } finally {
      idle[Symbol.dispose]();
      connection.release(frames.isComplete);
    }
  }

  /** A tar stream of a file or directory (docs/contract/artifacts.md#6.1). */
  tar(path: string, signal: AbortSignal): Readable {
    return this.#stream(["tar", path], new AnswerRules(path), signal);
  }

  /** Everything below a directory; files of at most `bodyBytesMax` bytes come with their content. */
  async *tree(path: string, bodyBytesMax: number, signal: AbortSignal): AsyncGenerator<TreeEntry, void> {
    const rules = new AnswerRules(path, { isTree: true });
    let entry: TreeEntry | undefined;
    let chunks: Buffer[] = [];
    let missing = 0;
    const finished = () => entry && { ...entry, body: entry.body && joined(chunks) };
    for await (const frame of this.#answer(["tree", path, String(bodyBytesMax)], rules, signal)) {
      if (frame.type === "D") {
        missing -= frame.bytes.length;
        if (missing < 0) throw corrupt(path, "more than the size of a file");
        chunks.push(frame.bytes);
        continue;
      }
      if (frame.type !== "N" && !this.#endsAnswer(frame, path)) continue;
      if (missing > 0) throw corrupt(path, "less than the size of a file");
      const last = finished();
      if (last) yield last;
      if (frame.type !== "N") return;
      entry = parseName(frame, path, bodyBytesMax);
      missing = entry.body ? entry.sizeBytes : 0;
      chunks = [];
    }
    throw this.#ended(path);
  }

  #stream(request: readonly string[], rules: AnswerRules, signal: AbortSignal): Readable {
    const data = this.#data(request, rules, signal);
    return byteStream(data, 1 << 20);
  }

  async *#data(request: readonly string[], rules: AnswerRules, signal: AbortSignal): AsyncGenerator<Buffer> {
    const [, path = ""] = request;
    for await (const frame of this.#answer(request, rules, signal)) {
      if (frame.type === "D") yield frame.bytes;
      else if (this.#endsAnswer(frame, path)) return;
    }
    throw this.#ended(path);
  }

  /** The frames of one answer. */
  async *#answer(
    request: readonly string[],
    rules: AnswerRules,
    signal: AbortSignal,
  ): AsyncGenerator<Frame, void> {
    const connection = await this.#server.connect(signal);
    const { socket } = connection;
    const [verb, path = ""] = request;
    const idle = new IdleLimit(this.#idleMs, () => socket.destroy(this.#silent(path)));
    let isComplete = false;
    try {
      socket.write(requestLine(request));
      for await (const frame of readFrames(idle.watch(socket.iterator({ destroyOnReturn: false })), rules)) {
        isComplete = "EX".includes(frame.type) || (verb === "stat" && frame.type === "S");
        yield frame;
        if (isComplete) return;
      }
    } finally {
      idle[Symbol.dispose]();
      connection.release(isComplete);
    }
  }

  /** What a frame without data means for a request that asked for data: true for its end. */
  #endsAnswer(frame: Frame, path: string): boolean {
    switch (frame.type) {
      case "W":
        this.#warn(frame.bytes.toString());
        break;
      case "X":
        throw new ExecutorError("BadRequest", frame.bytes.toString());
      case "S":
        checkReadable(parseStat(frame, path), path);
        break;
    }
    return frame.type === "E";
  }

  #ended(path: string): ExecutorError {
    return new ExecutorError("Transient", `${this.#server.name} ended while ${path} was being read`);
  }

  #silent(path: string): ExecutorError {
    return new ExecutorError(
      "Timeout",
      `${this.#server.name} has sent nothing of ${path} for ${Math.round(this.#idleMs / 1000)} s`,
    );
  }
}

function requestLine([verb = "", path = "", ...numbers]: readonly string[]): string {
  return `${[verb, encodeArgument(path), ...numbers].join(" ")}\n`;
}

async function feed({ socket }: Connection, frames: FrameReceiver, idle: IdleLimit): Promise<void> {
  for await (const chunk of idle.watch(socket.iterator({ destroyOnReturn: false }))) {
    if (!frames.feed(chunk)) return;
  }
}

function closed({ socket }: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => resolve());
  });
}

function checkReadable(stat: OutputStat, path: string): void {
  if (stat.kind === "missing") throw new ExecutorError("NotFound", `stat ${path}: no such file or directory`);
  if (stat.kind === "other") {
    throw new ExecutorError("BadRequest", `${path} is not a regular file or directory`);
  }
}

export function parseStat(frame: Frame, path: string): OutputStat {
  const text = frame.bytes.toString();
  if (frame.type === "X") throw new ExecutorError("BadRequest", text);
  const [, kind, size] =
    /^(file|directory|missing|other)(?: (\d{1,16}|-) -?\d{1,18} [0-7]{1,6})?$/.exec(text) ?? [];
  if (frame.type !== "S" || kind === undefined || (kind === "file") !== /^\d+$/.test(size ?? ""))
    throw corrupt(path, "no status");
  if (kind === "file") return { kind, sizeBytes: size16(size ?? "", path) };
  return { kind: kind as "directory" | "missing" | "other" };
}

function parseName(frame: Frame, path: string, bodyBytesMax: number): TreeEntry {
  const text = frame.bytes.toString();
  const [, size, file] = /^file (\d{1,16}) (.*)$/s.exec(text) ?? [];
  if (size !== undefined && file !== undefined) {
    const sizeBytes = size16(size, path);
    const hasBody = sizeBytes <= bodyBytesMax;
    return { kind: "file", sizeBytes, name: file, body: hasBody ? Buffer.alloc(0) : undefined };
  }
  const [, kind, name] = /^(symlink|socket|fifo|device) (.*)$/s.exec(text) ?? [];
  if (kind === undefined || name === undefined) throw corrupt(path, "no name");
  return { kind, sizeBytes: 0, name, body: undefined };
}

/** A small file mostly comes in one piece, which then is the file. */
function joined(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces);
}

function size16(digits: string, path: string): number {
  const size = Number(digits);
  if (!Number.isSafeInteger(size)) throw corrupt(path, "an impossible size");
  return size;
}

function corrupt(path: string, what: string): ExecutorError {
  return new ExecutorError("Corrupt", `${path}: the answer does not keep to the protocol: ${what}`);
}
