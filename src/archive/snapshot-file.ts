import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { ExecutorError } from "../errors/index.ts";
import type { CallPace } from "../limits/index.ts";
import { type ByteString, fsPath, shown } from "./byte-string.ts";
import { fileError } from "./errors.ts";
import { close, fstat, open, read } from "./file-calls.ts";

/** A regular file as it was when it was opened: what is appended later does not count. */
export interface FileSnapshot {
  readonly stats: Stats;
  /** Whole if small, else to be read by size. */
  readonly content: Buffer | LargeFile;
}

export interface LargeFile {
  readonly path: ByteString;
}

/** Files up to this size are read while earlier entries are still being written out. */
const smallFileBytes = 64 * 1024;
const chunkBytes = 256 * 1024;

/** Not blocking: what was a file a moment ago may be a FIFO now. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Throws Conflict if the file is none any more, or shrinks while it is read. */
export async function snapshotFile(path: ByteString, pace: CallPace): Promise<FileSnapshot> {
  if (pace.isQuick) return pace.measure(() => snapshotFileNow(path));
  const fd = await open(fsPath(path), flags);
  try {
    const stats = checkFile(path, await fstat(fd));
    if (stats.size > smallFileBytes) return { stats, content: { path } };
    const content = Buffer.allocUnsafe(stats.size);
    for (let at = 0; at < stats.size; )
      at += checkCount(path, stats.size, at, await read(fd, content, at, stats.size - at, at));
    return { stats, content };
  } finally {
    await close(fd);
  }
}

function snapshotFileNow(path: ByteString): FileSnapshot {
  const fd = openSync(fsPath(path), flags);
  try {
    const stats = checkFile(path, fstatSync(fd));
    if (stats.size > smallFileBytes) return { stats, content: { path } };
    const content = Buffer.allocUnsafe(stats.size);
    for (let at = 0; at < stats.size; )
      at += checkCount(path, stats.size, at, readSync(fd, content, at, stats.size - at, at));
    return { stats, content };
  } finally {
    closeSync(fd);
  }
}

/** The first `sizeBytes` of a large file, as they are now; a shorter file is an error. */
export async function* readLargeFile(
  file: LargeFile,
  sizeBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const fd = await open(fsPath(file.path), flags).catch((error: unknown) => {
    throw fileError(error, `read ${shown(file.path)}`);
  });
  try {
    for (let at = 0; at < sizeBytes; ) {
      signal.throwIfAborted();
      const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, sizeBytes - at));
      const count = checkCount(file.path, sizeBytes, at, await read(fd, chunk, 0, chunk.length, at));
      at += count;
      yield chunk.subarray(0, count);
    }
  } catch (error) {
    throw fileError(error, `read ${shown(file.path)}`);
  } finally {
    await close(fd);
  }
}

function checkFile(path: ByteString, stats: Stats): Stats {
  if (stats.isFile()) return stats;
  throw new ExecutorError("Conflict", `read ${shown(path)}: it was a file a moment ago and is none now`);
}

function checkCount(path: ByteString, expected: number, found: number, count: number): number {
  if (count > 0) return count;
  throw new ExecutorError(
    "Conflict",
    `read ${shown(path)}: the file shrank from ${expected} to ${found} bytes while it was read; stop writing to it before the step ends`,
  );
}
