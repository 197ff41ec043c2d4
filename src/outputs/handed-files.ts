import { basename } from "node:path";
import type { Readable } from "node:stream";
import { readTar, type TarEntry } from "../archive/index.ts";
import { ExecutorError } from "../errors/index.ts";
import { containerFiles, openContainer, type PodPaths } from "../podfiles/index.ts";
import { byteStream, type FileContent, type TreeContent } from "../streams/index.ts";
import { AnswerRules, type Frame, readFrames } from "./frames.ts";
import { checkName, LeftOut } from "./left-out.ts";
import type { OutputFiles, OutputKind } from "./output-files.ts";
import { parseStat } from "./output-requests.ts";
import { tooLarge } from "./parameters.ts";
import { outputKind } from "./served-files.ts";

/**
 * Outputs that main's emissary has left as files, because the volume has no sockets: each file is its answer to `tar`
 * (native/README.md, "Without sockets"). They can be read from their beginning only, as often as it takes.
 */
export class HandedFiles implements OutputFiles {
  readonly #paths: PodPaths;
  readonly #handed: readonly string[];
  readonly #warn: (message: string) => void;

  /** @param handed the paths, in the order in which the plan names them */
  constructor(paths: PodPaths, handed: readonly string[], warn: (message: string) => void) {
    this.#paths = paths;
    this.#handed = handed;
    this.#warn = warn;
  }

  async look(path: string): Promise<OutputKind> {
    for await (const frame of this.#frames(path)) return outputKind(parseStat(frame, path), path);
    throw incomplete(path);
  }

  file(path: string, _sizeBytes: number, signal: AbortSignal): FileContent {
    return {
      name: basename(path),
      sizeBytes: undefined,
      replayable: true,
      open: () => byteStream(this.#firstBody(path, signal)),
    };
  }

  tree(path: string): TreeContent {
    const open = (signal: AbortSignal) => readTar(this.tar(path), signal);
    const warn = this.#warn;
    return {
      async *files(signal) {
        const leftOut = new LeftOut();
        for await (const entry of open(signal)) {
          if (entry.type === "directory") continue;
          const name = entry.name.slice(entry.name.indexOf("/") + 1);
          checkName(name, path);
          if (entry.type === "file") yield { path: name, content: onceOnly(name, entry) };
          else leftOut.add(entry.type, name);
        }
        leftOut.report(warn);
      },
    };
  }

  tar(path: string): Readable {
    return byteStream(this.#data(path), 1 << 20);
  }

  async readSmall(path: string, bytesMax: number, signal: AbortSignal): Promise<Buffer> {
    const found = await this.look(path);
    if (found.kind === "directory") throw new ExecutorError("BadRequest", `read ${path}: is a directory`);
    if (found.sizeBytes > bytesMax) throw tooLarge(path, found.sizeBytes, bytesMax);
    const chunks: Buffer[] = [];
    for await (const chunk of this.#firstBody(path, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async *#firstBody(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
    for await (const entry of readTar(this.tar(path), signal)) {
      if (entry.type !== "file") break;
      yield* entry.body as AsyncIterable<Buffer>;
      return;
    }
    throw incomplete(path);
  }

  async *#data(path: string): AsyncGenerator<Buffer> {
    for await (const { type, bytes } of this.#frames(path)) {
      if (type === "D") yield bytes;
      else if (type === "W") this.#warn(bytes.toString());
      else if (type === "X") throw new ExecutorError("BadRequest", bytes.toString());
      else if (type === "E") return;
    }
    throw incomplete(path);
  }

  async *#frames(path: string): AsyncGenerator<Frame> {
    await using main = await openContainer(this.#paths, "main");
    await using folder = await main?.folder(containerFiles.handed);
    const file = await folder?.file(String(this.#handed.indexOf(path)));
    if (file === undefined) throw incomplete(path);
    // The stream closes the file.
    yield* readFrames(file.createReadStream({ highWaterMark: 1 << 18 }), new AnswerRules(path));
  }
}

function onceOnly(name: string, entry: TarEntry): FileContent {
  return { name: basename(name), sizeBytes: entry.sizeBytes, replayable: false, open: () => entry.body };
}

function incomplete(path: string): ExecutorError {
  return new ExecutorError("Corrupt", `${path} was not handed over whole: the shared volume may be full`);
}
