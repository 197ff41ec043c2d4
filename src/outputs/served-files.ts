import { basename } from "node:path";
import { Readable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";
import { byteStream, type FileContent, type TreeContent } from "../streams/index.ts";
import { checkName, LeftOut } from "./left-out.ts";
import type { OutputFiles, OutputKind } from "./output-files.ts";
import type { OutputRequests, OutputStat } from "./output-requests.ts";
import { tooLarge } from "./parameters.ts";

/** Files of a directory of at most this size come along with their names; larger ones are asked for. */
const bodyBytesMax = 1024 * 1024;

/** Outputs that a server reads for us, wherever they are: nothing is staged on the way. */
export class ServedFiles implements OutputFiles {
  readonly #requests: OutputRequests;
  readonly #warn: (message: string) => void;

  constructor(requests: OutputRequests, warn: (message: string) => void) {
    this.#requests = requests;
    this.#warn = warn;
  }

  async look(path: string, signal: AbortSignal): Promise<OutputKind> {
    return outputKind(await this.#requests.stat(path, signal), path);
  }

  file(path: string, sizeBytes: number, signal: AbortSignal): FileContent {
    return {
      name: basename(path),
      sizeBytes,
      replayable: true,
      open: (range) => {
        const offset = range?.offset ?? 0;
        const length = Math.min(sizeBytes - offset, range?.length ?? sizeBytes);
        return length <= 0 ? Readable.from([]) : this.#requests.read(path, offset, length, signal);
      },
      readInto: (range, sink, either) =>
        this.#requests.readInto(path, range, sink, AbortSignal.any([signal, either])),
    };
  }

  /**
   * Names sorted bytewise. Links are left out with a warning, except those into the input artifacts of an init-less pod;
   * so are sockets, FIFOs and devices. Whatever cannot be read fails the walk and is named (docs/contract/artifacts.md#D-28).
   */
  tree(path: string, signal: AbortSignal): TreeContent {
    const requests = this.#requests;
    const warn = this.#warn;
    const large = (name: string, sizeBytes: number) => this.file(`${path}/${name}`, sizeBytes, signal);
    return {
      async *files(either) {
        const leftOut = new LeftOut();
        for await (const { name, kind, sizeBytes, body } of requests.tree(path, bodyBytesMax, either)) {
          checkName(name, path);
          if (kind !== "file") leftOut.add(kind, name);
          else yield { path: name, content: body ? inMemory(name, body) : large(name, sizeBytes) };
        }
        leftOut.report(warn);
      },
    };
  }

  tar(path: string, signal: AbortSignal): Readable {
    return this.#requests.tar(path, signal);
  }

  async readSmall(path: string, bytesMax: number, signal: AbortSignal): Promise<Buffer> {
    const found = await this.look(path, signal);
    if (found.kind === "directory") throw new ExecutorError("BadRequest", `read ${path}: is a directory`);
    if (found.sizeBytes > bytesMax) throw tooLarge(path, found.sizeBytes, bytesMax);
    const chunks: Buffer[] = [];
    for await (const chunk of this.file(path, found.sizeBytes, signal).open()) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
}

/** What can be saved; throws NotFound and BadRequest for the rest. */
export function outputKind(found: OutputStat, path: string): OutputKind {
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

function inMemory(path: string, bytes: Buffer): FileContent {
  return {
    name: basename(path),
    sizeBytes: bytes.length,
    bytes,
    replayable: true,
    open: (range) => {
      const offset = range?.offset ?? 0;
      const part = bytes.subarray(offset, offset + (range?.length ?? bytes.length));
      return byteStream(part.length > 0 ? [part] : []);
    },
  };
}
