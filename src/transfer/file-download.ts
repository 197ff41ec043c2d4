import * as fs from "node:fs";
import { close, open } from "../files/index.ts";
import { TaskGroup } from "../limits/index.ts";
import type { ByteRange } from "../streams/index.ts";
import { noteTransfer } from "../tracing/index.ts";
import type { ObjectInfo, ObjectStore } from "./object-store.ts";
import type { Progress } from "./progress.ts";
import { rangeInto, type Source } from "./range-reads.ts";
import type { Channel } from "./session.ts";
import { Verification } from "./verification.ts";

/** One request each: few enough that their cost does not show, small enough that several fit into the budget. */
const rangeBytesMax = 8 * 1024 * 1024;
const rangesMax = 4;

/**
 * Writes a stored object to the file `path`, which must not exist (mode 0644). Its ranges come side by side and are
 * written where they belong, from the memory that they were received into; a stream would take them through half a
 * dozen hands, one after the other. Throws Corrupt where the digest differs from what the store knows, and what the
 * file system says as it is; what was written until then stays there for the caller to remove.
 */
export async function downloadToFile(
  store: ObjectStore,
  info: ObjectInfo,
  path: string,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const fd = await open(path, "wx", 0o644);
  try {
    const verification = new Verification(store, info, channel, signal);
    using progress = channel.progress("Loading artifact", info.key, info.sizeBytes);
    await new FileDownload({ store, info, channel, verification }, fd, progress).run(signal);
    noteTransfer(info.sizeBytes);
  } finally {
    await close(fd);
  }
}

class FileDownload {
  readonly #source: Source;
  readonly #fd: number;
  readonly #progress: Progress;
  /** Writes to one file exclude each other in the kernel, where those that wait burn CPU: one at a time. */
  #written: Promise<void> = Promise.resolve();
  /** Resolves when the ranges before have been checked, for a digest takes the bytes in order. */
  #checked: Promise<void> = Promise.resolve();

  constructor(source: Source, fd: number, progress: Progress) {
    this.#source = source;
    this.#fd = fd;
    this.#progress = progress;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { info, channel } = this.#source;
    const rangeBytes = Math.min(
      rangeBytesMax,
      Math.max(1, Math.floor(channel.memory.totalBytes / rangesMax)),
    );
    const group = new TaskGroup(rangesMax, signal);
    try {
      for (let offset = 0; offset < info.sizeBytes; offset += rangeBytes) {
        const range = { offset, length: Math.min(rangeBytes, info.sizeBytes - offset) };
        // In order, so that the range whose turn it is to be checked always has its memory.
        const giveBack = await channel.memory.acquire(range.length, group.signal);
        await this.#start(group, range, giveBack);
      }
      await group.settle();
    } catch (error) {
      await group.cancel(error);
      throw group.signal.reason;
    }
    await this.#source.verification.verify();
  }

  async #start(group: TaskGroup, range: ByteRange, giveBack: () => void): Promise<void> {
    try {
      await group.start((either) => this.#fetch(range, either).finally(giveBack));
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  async #fetch(range: ByteRange, signal: AbortSignal): Promise<void> {
    const { channel, verification } = this.#source;
    const buffer = channel.slabs.open();
    const before = this.#checked;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#checked = promise;
    try {
      const receive = () => rangeInto(this.#source, range, buffer, signal);
      await channel.lane.run(range.length, receive, signal);
      const views = buffer.views();
      await before;
      signal.throwIfAborted();
      for (const view of views) verification.update(view);
      resolve();
      const writing = this.#written.then(() => writeAt(this.#fd, views, range.offset));
      this.#written = writing.catch(() => {});
      await writing;
      this.#progress.noteBytes(range.length);
    } finally {
      resolve();
      buffer.release();
    }
  }
}

/** Writes all the bytes at `position`. */
async function writeAt(fd: number, views: readonly Uint8Array[], position: number): Promise<void> {
  let left = views;
  for (let at = position; left.length > 0; ) {
    const written = await writev(fd, left, at);
    at += written;
    left = without(left, written);
  }
}

function writev(fd: number, views: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(fd, views, position, (error, written) => (error ? reject(error) : resolve(written)));
  });
}

function without(views: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skipped = bytes;
  const left: Uint8Array[] = [];
  for (const view of views) {
    const part = Math.min(view.byteLength, skipped);
    skipped -= part;
    if (part < view.byteLength) left.push(view.subarray(part));
  }
  return left;
}
