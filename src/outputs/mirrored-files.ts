import { createReadStream } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { packTar } from "../archive/index.ts";
import type { FileContent, TreeContent } from "../artifacts/index.ts";
import { ExecutorError } from "../errors/index.ts";
import type { PodPaths } from "../podfiles/index.ts";
import { isWithin, type Template, volumeMounts } from "../template/index.ts";
import { localTree } from "./local-tree.ts";
import type { OutputFiles, OutputKind } from "./output-files.ts";
import { readSmallFile } from "./parameters.ts";

/** Outputs on volumes that main shares with this container, found below `/mainctrfs`. */
export class MirroredFiles implements OutputFiles {
  readonly #template: Template;
  readonly #paths: PodPaths;
  readonly #warn: (message: string) => void;

  constructor(template: Template, paths: PodPaths, warn: (message: string) => void) {
    this.#template = template;
    this.#paths = paths;
    this.#warn = warn;
  }

  async look(path: string): Promise<OutputKind> {
    await this.#checkConfined(path);
    const found = await stat(this.#paths.mirrored(path)).catch((cause) => {
      throw statError(path, cause);
    });
    if (found.isDirectory()) return { kind: "directory" };
    if (found.isFile()) return { kind: "file", sizeBytes: found.size };
    throw new ExecutorError("BadRequest", `${path} is not a regular file or directory`);
  }

  /**
   * A link that main left on a volume leads somewhere else here: it must not reach this container's own files, its
   * secrets first of all.
   */
  async #checkConfined(path: string): Promise<void> {
    const real = await realpath(this.#paths.mirrored(path)).catch((cause) => {
      throw statError(path, cause);
    });
    const inputs = (this.#template.inputs?.artifacts ?? []).flatMap((input) => input.path || []);
    const mounts = [...volumeMounts(this.#template).map((mount) => mount.mountPath), ...inputs];
    const shared = [...mounts.map((mount) => this.#paths.mirrored(mount)), this.#paths.inputs];
    for (const folder of shared) {
      const realFolder = await realpath(folder).catch(() => undefined);
      if (realFolder !== undefined && isWithin(realFolder, real)) return;
    }
    throw new ExecutorError(
      "BadRequest",
      `${path} is a link that leads out of the volumes of the step: write the output itself, or a relative link`,
    );
  }

  file(path: string, sizeBytes: number): FileContent {
    const shared = this.#paths.mirrored(path);
    return { ...localFile(shared, basename(path), sizeBytes), sharedPath: shared };
  }

  tree(path: string): TreeContent {
    const shared = this.#paths.mirrored(path);
    return { ...localTree(shared, this.#paths.inputs, this.#warn), sharedPath: shared };
  }

  tar(path: string, signal: AbortSignal): Readable {
    return packTar(this.#paths.mirrored(path), { followInto: this.#paths.inputs, warn: this.#warn }, signal);
  }

  async readSmall(path: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    // A FIFO would be waited for without end.
    await this.look(path);
    signal.throwIfAborted();
    return readSmallFile(this.#paths.mirrored(path), maxBytes);
  }
}

/** A file of this container as content for a store: a snapshot of the size it has now. */
export function localFile(path: string, name: string, sizeBytes: number): FileContent {
  return {
    name,
    sizeBytes,
    replayable: true,
    open(range) {
      const start = range?.offset ?? 0;
      const end = Math.min(sizeBytes, start + (range?.length ?? sizeBytes)) - 1;
      if (end < start) return Readable.from([]);
      return createReadStream(path, { start, end });
    },
    async readInto({ offset, length }, sink, signal) {
      const file = await open(path);
      try {
        for (let done = 0; done < length; ) {
          signal.throwIfAborted();
          const room = sink.space().subarray(0, length - done);
          const { bytesRead } = await file.read(room, 0, room.length, offset + done);
          if (bytesRead === 0) return;
          sink.filled(bytesRead);
          done += bytesRead;
        }
      } finally {
        await file.close();
      }
    },
  };
}

function statError(path: string, cause: unknown): ExecutorError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new ExecutorError("NotFound", `stat ${path}: no such file or directory`, { cause });
  }
  return new ExecutorError("BadRequest", `stat ${path}: ${message}`, { cause });
}
