import type { Stats } from "node:fs";
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TreeContent } from "../artifacts/index.ts";
import { ExecutorError } from "../errors/index.ts";
import { isWithin } from "../template/index.ts";
import { checkKeyName, LeftOut } from "./left-out.ts";
import { localFile } from "./mirrored-files.ts";

/**
 * The files below a local directory, names sorted bytewise. Links are left out with a warning, except those into
 * `followInto`, where an init-less pod keeps its input artifacts; so are sockets, FIFOs and devices. Whatever cannot
 * be read fails the walk and is named (contract artifacts.md 5.1 "Save", D-28).
 */
export function localTree(root: string, followInto: string, warn: (message: string) => void): TreeContent {
  return {
    async *files(signal) {
      const leftOut = new LeftOut();
      yield* walk(root, "", leftOut, signal);
      leftOut.report(warn);
    },
  };

  async function* walk(
    folder: string,
    prefix: string,
    leftOut: LeftOut,
    signal: AbortSignal,
  ): ReturnType<TreeContent["files"]> {
    for (const name of await sortedNames(folder)) {
      signal.throwIfAborted();
      const path = join(folder, name);
      const relative = prefix === "" ? name : `${prefix}/${name}`;
      checkKeyName(relative);
      const found = await followed(path);
      if (found.isDirectory()) yield* walk(path, relative, leftOut, signal);
      else if (found.isFile()) yield { path: relative, content: localFile(path, name, found.size) };
      else leftOut.add(kindOf(found), relative);
    }
  }

  async function followed(path: string) {
    const found = await lstat(path).catch((cause) => {
      throw unreadable(path, cause);
    });
    if (!found.isSymbolicLink()) return found;
    const target = resolve(path, "..", await readlink(path));
    if (!isWithin(followInto, target)) return found;
    return stat(path).catch((cause) => {
      throw unreadable(path, cause);
    });
  }
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return "symlink";
  if (found.isSocket()) return "socket";
  return found.isFIFO() ? "fifo" : "device";
}

async function sortedNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((cause) => {
    throw unreadable(folder, cause);
  });
  return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function unreadable(path: string, cause: unknown): ExecutorError {
  return new ExecutorError("BadRequest", `cannot read ${path}: ${(cause as Error).message}`, { cause });
}
