import { writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ExecutorError } from "../errors/index.ts";
import { CallPace, TaskGroup } from "../limits/index.ts";
import { sinkInto } from "../streams/index.ts";
import { noteTransfer } from "../tracing/index.ts";
import { downloadToFile } from "./file-download.ts";
import { inflateToFile } from "./inflated.ts";
import { listPages } from "./listing.ts";
import type { ObjectInfo, ObjectStore } from "./object-store.ts";
import { rangeInto } from "./range-reads.ts";
import type { Channel } from "./session.ts";
import { Verification } from "./verification.ts";

/** Files up to this size are fetched whole, by one request each, and written at once. */
const smallBytes = 1024 * 1024;
/** What a request in flight takes besides its content. */
const requestBytes = 16 * 1024;
/** Two keys that lead to one file, or a link in the way, are errors and not a silent overwrite. */
const exclusive = { flag: "wx", mode: 0o644 };
const filesMax = 128;
/** Folders remembered as made; a tree with more pays a system call for some of them again. */
const foldersMax = 10_000;

/**
 * Writes every object below `prefix` (which ends in `/`, or is empty) to a file below `path`. Keys ending in `/` are
 * folder markers and become folders. The listing runs ahead of the downloads by one page.
 * @throws BadRequest for a key that would be a file outside `path` (docs/contract/artifacts.md#D-46), or the same file twice.
 */
export async function downloadTree(
  store: ObjectStore,
  prefix: string,
  path: string,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const group = new TaskGroup(filesMax, signal);
  using progress = channel.progress("Loading artifact", prefix);
  const pace = new CallPace();
  const folders = new Set<string>([path]);
  const makeFolder = async (folder: string) => {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    if (folders.size >= foldersMax) folders.clear();
    folders.add(folder);
  };
  try {
    for await (const page of listPages(store, { prefix }, channel, group.signal)) {
      for (const object of page) {
        const target = join(path, relativeName(object.key, prefix));
        const isFolder = object.isFolder || object.key.endsWith("/");
        const folder = isFolder ? target : dirname(target);
        if (!folders.has(folder)) await local(object.key, makeFolder(folder));
        if (isFolder) continue;
        await group.start(async (either) => {
          await downloadFile({ store, info: object, channel, path: target }, pace, either);
          progress.noteFile(object.sizeBytes);
        });
      }
    }
    await group.settle();
  } catch (error) {
    await group.cancel(error);
    throw group.signal.reason;
  }
}

interface FileDownload {
  readonly store: ObjectStore;
  readonly info: ObjectInfo;
  readonly channel: Channel;
  /** Of the file that it becomes. */
  readonly path: string;
}

async function downloadFile(
  { store, info, channel, path }: FileDownload,
  pace: CallPace,
  signal: AbortSignal,
): Promise<void> {
  if (info.isInflated) {
    await local(info.key, inflateToFile(store, info, path, channel, signal));
    return;
  }
  if (info.sizeBytes > smallBytes) {
    // Not in the lane: the ranges of a large object take places of their own.
    await local(info.key, downloadToFile(store, info, path, channel, signal));
    return;
  }
  const release = await channel.memory.acquire(info.sizeBytes + requestBytes, signal);
  try {
    const download = () => downloadSmall(store, info, channel, signal);
    const content = await channel.lane.run(info.sizeBytes, download, signal);
    await local(info.key, writeSmall(path, content, pace));
    noteTransfer(info.sizeBytes);
  } finally {
    release();
  }
}

async function writeSmall(path: string, content: Uint8Array, pace: CallPace): Promise<void> {
  if (pace.isQuick) pace.measure(() => writeFileSync(path, content, exclusive));
  else await writeFile(path, content, exclusive);
}

/** The whole content, checked. The listing has told its length, so it is received where it is needed. */
async function downloadSmall(
  store: ObjectStore,
  info: ObjectInfo,
  channel: Channel,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const content = Buffer.allocUnsafeSlow(info.sizeBytes);
  const verification = new Verification(store, info, channel, signal);
  const source = { store, info, channel, verification };
  await rangeInto(source, { offset: 0, length: info.sizeBytes }, sinkInto(content), signal);
  verification.update(content);
  await verification.verify();
  return content;
}

/** The part of a key below the prefix, safe to be joined to a local folder. */
function relativeName(key: string, prefix: string): string {
  const name = key.slice(prefix.length);
  const elements = name.replace(/\/$/, "").split("/");
  if (name.includes("\0") || elements.some((element) => element === ".." || element === ".")) {
    const text = `the stored key ${JSON.stringify(key)} leads out of the directory it is loaded into; rename the object`;
    throw new ExecutorError("BadRequest", text);
  }
  return name;
}

/** Gives errors of the local file system a code; the rest passes. */
async function local<T>(key: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { code, path = "" } = error as NodeJS.ErrnoException;
    switch (code) {
      case "EEXIST":
      case "ENOTDIR":
      case "EISDIR": {
        const text = `cannot write the stored key ${JSON.stringify(key)} to ${path}: another key of this directory is there already`;
        throw new ExecutorError("BadRequest", text, { cause: error });
      }
      case "ENOSPC":
      case "EDQUOT":
        throw new ExecutorError("TooLarge", `write ${path}: no space left on device`, { cause: error });
      case "ENAMETOOLONG":
        throw new ExecutorError(
          "BadRequest",
          `the stored key ${JSON.stringify(key)} is too long for a file name`,
          {
            cause: error,
          },
        );
      default:
        throw error;
    }
  }
}
