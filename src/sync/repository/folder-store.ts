import { mkdir, open, readdir, rename, rm, rmdir, stat, unlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ExecutorError } from "../../errors/index.ts";
import { randomBytes } from "../../files/index.ts";
import { isPayloadStream, type Payload } from "../../http/index.ts";
import type { ByteRange, ByteSink } from "../../streams/index.ts";
import type {
  ListPage,
  MultipartUpload,
  ObjectAttributes,
  ObjectInfo,
  ObjectStore,
  ReadAnswer,
  StoredBytes,
  StoreLimits,
} from "../../transfer/index.ts";
import { fileError, filePath, ownFolder } from "./folder-keys.ts";
import { toInfo, walkFolder } from "./folder-walk.ts";

const readBytes = 1024 * 1024;
/** An unfinished file that old belongs to nobody any more. */
const abandonedMs = 24 * 60 * 60_000;
const noAnswer: ReadAnswer = { provesMd5: false, sha256: undefined };

/**
 * A folder as an object store: a key is a path below it. Bytes are all that it keeps. A file is written aside and
 * renamed, so that none is ever seen half.
 */
export class FolderStore implements ObjectStore {
  readonly name: string;
  readonly limits: StoreLimits = {
    putBytesMax: 2 ** 53,
    partBytesMin: 1,
    partBytesMax: 2 ** 40,
    partsMax: 1_000_000,
    deleteKeysMax: 1000,
    partsInOrder: true,
    keepsAttributes: false,
  };
  readonly #root: string;
  #prepared: Promise<string> | undefined;
  /** A listing that a next page may go on with. */
  #walk: { readonly place: string; readonly rest: AsyncGenerator<ObjectInfo> } | undefined;

  constructor(root: string) {
    this.name = `file://${root}`;
    this.#root = root;
  }

  async head(key: string): Promise<ObjectInfo> {
    return await this.#during(key, async () => {
      const stats = await stat(filePath(this.#root, key));
      if (stats.isFile()) return toInfo(key, stats);
      throw new ExecutorError("NotFound", `${key} is no file`);
    });
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    const { offset, length } = range ?? { offset: 0, length: info.sizeBytes };
    const file = await this.#open(info);
    const stream = file.createReadStream({
      start: offset,
      end: offset + length - 1,
      highWaterMark: readBytes,
      signal,
    });
    if (length > 0) return { ...noAnswer, chunks: stream };
    stream.destroy();
    return { ...noAnswer, chunks: nothing() };
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    const file = await this.#open(info);
    try {
      for (let done = 0; done < range.length; ) {
        signal.throwIfAborted();
        const space = sink.space();
        const length = Math.min(space.byteLength, range.length - done);
        const { bytesRead } = await file.read(space, 0, length, range.offset + done);
        if (bytesRead === 0)
          throw new ExecutorError("Conflict", `${info.key} became shorter while it was read`);
        sink.filled(bytesRead);
        done += bytesRead;
      }
      return noAnswer;
    } finally {
      await file.close();
    }
  }

  async put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void> {
    await this.#during(key, async () => {
      const path = filePath(this.#root, key);
      const aside = await this.#aside();
      try {
        await write(aside, payload, 0, signal);
        await setTime(aside, attributes);
        await this.#publish(aside, path);
      } catch (error) {
        await rm(aside, { force: true });
        throw error;
      }
    });
  }

  async startUpload(key: string, attributes: ObjectAttributes): Promise<MultipartUpload> {
    const [path, aside] = await this.#during(key, async () => [
      filePath(this.#root, key),
      await this.#aside(),
    ]);
    /** Where the next part begins; parts come in order. */
    let offset = 0;
    return {
      put: async (_number, payload, signal) => {
        await this.#during(key, async () => {
          offset += await write(aside, payload, offset, signal);
        });
      },
      complete: async () => {
        await this.#during(key, async () => {
          await setTime(aside, attributes);
          await this.#publish(aside, path);
        });
      },
      abort: async () => await rm(aside, { force: true }),
    };
  }

  async list(prefix: string, after: string | undefined, pageSize: number): Promise<ListPage> {
    const known = this.#walk;
    const rest =
      known !== undefined && known.place === `${prefix}\n${after}`
        ? known.rest
        : walkFolder(this.#root, prefix, after);
    this.#walk = undefined;
    const objects: ObjectInfo[] = [];
    while (objects.length < pageSize) {
      const next = await rest.next();
      if (next.done === true) return { objects, next: undefined };
      objects.push(next.value);
    }
    const last = objects.at(-1)?.key;
    this.#walk = { place: `${prefix}\n${last}`, rest };
    return { objects, next: last };
  }

  async delete(key: string): Promise<void> {
    const path = filePath(this.#root, key);
    try {
      await unlink(path);
      await this.#removeEmpty(dirname(path));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTDIR") throw fileError(error, key);
    }
  }

  async deleteBatch(): Promise<ReadonlyMap<string, Error>> {
    throw new ExecutorError("Unsupported", "files are deleted one by one");
  }

  /** Folders are there for what is in them. */
  async #removeEmpty(folder: string): Promise<void> {
    for (let path = folder; path.length > this.#root.length; path = dirname(path)) {
      try {
        await rmdir(path);
      } catch {
        // Something is in it, or somebody else has removed it.
        return;
      }
    }
  }

  async #open(info: ObjectInfo) {
    return await this.#during(info.key, async () => {
      const file = await open(filePath(this.#root, info.key), "r");
      const now = toInfo(info.key, await file.stat());
      if (info.etag === undefined || now.etag === info.etag) return file;
      await file.close();
      throw new ExecutorError("Conflict", `${info.key} was replaced while it was read`);
    });
  }

  async #publish(aside: string, path: string): Promise<void> {
    // A folder beside it may have gone, empty, between the two.
    for (let tries = 3; ; tries -= 1) {
      await mkdir(dirname(path), { recursive: true });
      try {
        return await rename(aside, path);
      } catch (error) {
        if (tries === 1 || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
  }

  /** A name for a file that is being written. */
  async #aside(): Promise<string> {
    this.#prepared ??= prepareOwnFolder(this.#root);
    return join(await this.#prepared, randomBytes(16).toString("hex"));
  }

  async #during<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileError(error, key);
    }
  }
}

/** Makes the folder for unfinished files, and removes those that a process which was killed has left long ago. */
async function prepareOwnFolder(root: string): Promise<string> {
  const folder = join(root, ownFolder);
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > abandonedMs) await rm(path, { force: true });
  }
  return folder;
}

/** The time of what it is a copy of tells at the next run that nothing has changed. */
async function setTime(path: string, { modifiedMs }: ObjectAttributes): Promise<void> {
  if (modifiedMs !== undefined) await utimes(path, new Date(), new Date(modifiedMs));
}

async function write(path: string, payload: Payload, offset: number, signal: AbortSignal): Promise<number> {
  // Not appended to: a part that is sent again begins where it began before.
  const file = await open(path, offset === 0 ? "w" : "r+", 0o644);
  let at = offset;
  try {
    const chunks = isPayloadStream(payload) ? payload.open() : payload.chunks;
    for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      for (let done = 0; done < chunk.byteLength; ) {
        const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, at);
        done += bytesWritten;
        at += bytesWritten;
      }
    }
  } finally {
    await file.close();
  }
  return at - offset;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
