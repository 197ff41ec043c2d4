import { basename } from "node:path";
import { Readable } from "node:stream";
import { readTar } from "../archive/index.ts";
import type { FileContent, TreeContent } from "../artifacts/index.ts";
import { ExecutorError } from "../errors/index.ts";
import { checkKeyName, LeftOut } from "./left-out.ts";
import type { MainOutputs } from "./main-outputs.ts";
import type { OutputFiles, OutputKind } from "./output-files.ts";
import { tooLarge } from "./parameters.ts";

/** Outputs in main's own file system, read through its emissary: nothing is staged on the way. */
export class ServedFiles implements OutputFiles {
  readonly #main: MainOutputs;
  readonly #warn: (message: string) => void;

  constructor(main: MainOutputs, warn: (message: string) => void) {
    this.#main = main;
    this.#warn = warn;
  }

  async look(path: string, signal: AbortSignal): Promise<OutputKind> {
    const found = await this.#main.stat(path, signal);
    switch (found.kind) {
      case "missing":
        throw new ExecutorError("NotFound", `stat ${path}: no such file or directory`);
      case "other":
        throw new ExecutorError("BadRequest", `${path} is not a regular file or directory`);
      case "file":
        return { kind: "file", sizeBytes: found.sizeBytes };
      case "directory":
        return { kind: "directory" };
    }
  }

  file(path: string, sizeBytes: number, signal: AbortSignal): FileContent {
    return {
      name: basename(path),
      sizeBytes,
      replayable: true,
      open: (range) => {
        const offset = range?.offset ?? 0;
        const length = Math.min(sizeBytes - offset, range?.length ?? sizeBytes);
        return length <= 0 ? Readable.from([]) : this.#main.read(path, offset, length, signal);
      },
      readInto: ({ offset, length }, sink, either) =>
        this.#main.readInto(path, offset, length, sink, AbortSignal.any([signal, either])),
    };
  }

  /** The files come out of one tar stream, so each can be read only once, and in order. */
  tree(path: string, _signal: AbortSignal): TreeContent {
    const open = (signal: AbortSignal) => this.#main.tar(path, signal);
    const warn = this.#warn;
    return {
      async *files(signal) {
        const leftOut = new LeftOut();
        for await (const entry of readTar(open(signal), signal)) {
          if (entry.type === "directory") continue;
          const name = entry.name.slice(entry.name.indexOf("/") + 1);
          checkKeyName(name);
          if (entry.type !== "file") {
            leftOut.add(entry.type, name);
            continue;
          }
          yield {
            path: name,
            content: {
              name: basename(name),
              sizeBytes: entry.sizeBytes,
              replayable: false,
              open: () => entry.body,
            },
          };
        }
        leftOut.report(warn);
      },
    };
  }

  tar(path: string, signal: AbortSignal): Readable {
    return this.#main.tar(path, signal);
  }

  async readSmall(path: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    const found = await this.look(path, signal);
    if (found.kind === "directory") throw new ExecutorError("BadRequest", `read ${path}: is a directory`);
    if (found.sizeBytes > maxBytes) throw tooLarge(path, found.sizeBytes, maxBytes);
    const chunks: Buffer[] = [];
    for await (const chunk of this.file(path, found.sizeBytes, signal).open()) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
}
