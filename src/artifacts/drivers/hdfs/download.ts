import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { writeNewFile } from "../../../files/index.ts";
import { type RetryPolicy, Tries } from "../../../retry/index.ts";
import { byteStream } from "../../../streams/index.ts";
import type { FileStatus, HdfsFiles } from "./files.ts";

const depthMax = 100;

/** The bytes of a file, whole: what breaks off goes on where it broke, as long as the file is the same one. */
export function openFile(
  hdfs: HdfsFiles,
  path: string,
  status: FileStatus,
  policy: RetryPolicy,
  signal: AbortSignal,
): Readable {
  return byteStream(bytesOf(hdfs, path, status, policy, signal));
}

async function* bytesOf(
  hdfs: HdfsFiles,
  path: string,
  status: FileStatus,
  policy: RetryPolicy,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const during = `open ${path}`;
  let reached = 0;
  const tries = new Tries(policy);
  while (reached < status.sizeBytes) {
    const before = reached;
    try {
      const rest = { offset: reached, length: status.sizeBytes - reached };
      for await (const chunk of hdfs.read(path, rest, status, signal)) {
        reached += chunk.byteLength;
        if (reached > status.sizeBytes)
          throw new ExecutorError("Corrupt", `${during}: the data node sends more than the name node says`);
        yield chunk;
      }
      if (reached < status.sizeBytes) throw new ExecutorError("Transient", `${during}: unexpected EOF`);
    } catch (error) {
      if (reached > before) tries.restart();
      // Another length than was said may mean another file.
      if (isExecutorError(error, "Corrupt")) await expectSame(hdfs, path, status, signal);
      await tries.pause(error, signal);
      await expectSame(hdfs, path, status, signal);
    }
  }
}

async function expectSame(
  hdfs: HdfsFiles,
  path: string,
  { sizeBytes, modifiedMs }: FileStatus,
  signal: AbortSignal,
): Promise<void> {
  const now = await hdfs.status(path, signal);
  if (now?.sizeBytes !== sizeBytes || now.modifiedMs !== modifiedMs)
    throw new ExecutorError("Conflict", `open ${path}: the file was replaced while it was read`);
}

/** Files below a directory with their paths relative to it, depth first. */
export async function* filesBelow(
  hdfs: HdfsFiles,
  path: string,
  signal: AbortSignal,
  depth = 0,
): AsyncGenerator<readonly [string, FileStatus]> {
  if (depth > depthMax)
    throw new ExecutorError("BadRequest", `list ${path}: more than ${depthMax} levels deep`);
  for await (const [name, status] of hdfs.entries(path, signal)) {
    if (!status.isDirectory) yield [name, status];
    else {
      yield [`${name}/`, status];
      for await (const [below, its] of filesBelow(
        hdfs,
        `${path === "/" ? "" : path}/${name}`,
        signal,
        depth + 1,
      ))
        yield [`${name}/${below}`, its];
    }
  }
}

/** Writes the tree of a directory, its empty directories too, below `folder`, a few files at once. */
export async function downloadDirectory(
  hdfs: HdfsFiles,
  path: string,
  folder: string,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const entries = filesBelow(hdfs, path, either);
  const worker = async () => {
    for (;;) {
      const { done, value } = await entries.next();
      if (done) return;
      const [name, status] = value;
      const place = join(folder, name);
      if (status.isDirectory) await mkdir(place, { recursive: true, mode: 0o755 });
      else {
        await mkdir(dirname(place), { recursive: true, mode: 0o755 });
        await writeNewFile(
          openFile(hdfs, `${path === "/" ? "" : path}/${name}`, status, policy, either),
          place,
          either,
        );
      }
    }
  };
  const outcomes = await Promise.allSettled(
    Array.from({ length: filesMax }, () =>
      worker().catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    ),
  );
  signal.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure) throw failure.reason;
}

/** Files in flight at once. */
export const filesMax = 8;
