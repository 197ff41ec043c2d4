import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import { ExecutorError } from "../../../errors/index.ts";
import type { Payload } from "../../../http/index.ts";
import type { ByteRange, ByteSink } from "../../../streams/index.ts";
import type {
  ListPage,
  MultipartUpload,
  ObjectAttributes,
  ObjectInfo,
  ObjectStore,
  ReadAnswer,
  StoredBytes,
  StoreLimits,
} from "../../../transfer/index.ts";
import { type FileStatus, type HdfsFiles, isDone } from "./files.ts";
import { fileKey, ownFolder } from "./keys.ts";
import { walkFiles } from "./walk.ts";

/** An unfinished file that old belongs to nobody any more. */
const abandonedMs = 24 * 60 * 60_000;
const removalTimeoutMs = 10_000;
const noAnswer: ReadAnswer = { provesMd5: false, sha256: undefined };

/**
 * A folder of HDFS as an object store. A key is the path of a file below it, from its first slash on, as artifacts name
 * it. Bytes and their time are all that is kept. A file is written aside and renamed, so that none is ever seen half.
 */
export class HdfsStore implements ObjectStore {
  readonly name: string;
  readonly limits: StoreLimits = {
    putBytesMax: 2 ** 53,
    partBytesMin: 1,
    partBytesMax: 2 ** 40,
    partsMax: 1,
    deleteKeysMax: 1000,
    takesParts: false,
    keepsAttributes: false,
  };
  readonly #hdfs: HdfsFiles;
  /** Ends with a slash. */
  readonly #root: string;
  #prepared: Promise<string> | undefined;
  /** A listing that a next page may go on with. */
  #walk: { readonly place: string; readonly rest: ReturnType<typeof walkFiles> } | undefined;

  /** @param hdfs tries each operation once */
  constructor(name: string, hdfs: HdfsFiles, folder: string) {
    this.name = name;
    this.#hdfs = hdfs;
    this.#root = folder.endsWith("/") ? folder : `${folder}/`;
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    const status = await this.#hdfs.status(this.#pathOf(key), signal);
    if (status !== undefined && !status.isDirectory) return toInfo(key, status);
    throw new ExecutorError("NotFound", `stat ${key}: there is no such file`);
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    return {
      ...noAnswer,
      chunks: this.#bytes(info, range ?? { offset: 0, length: info.sizeBytes }, signal),
    };
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    for await (const chunk of this.#bytes(info, range, signal)) {
      for (let done = 0; done < chunk.byteLength; ) {
        const space = sink.space();
        const piece = chunk.subarray(done, done + space.byteLength);
        space.set(piece);
        sink.filled(piece.byteLength);
        done += piece.byteLength;
      }
    }
    return noAnswer;
  }

  async put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void> {
    const path = this.#pathOf(key);
    const aside = `${await this.#ownFolder(signal)}${randomBytes(16).toString("hex")}`;
    try {
      await this.#hdfs.write(aside, payload, signal);
      const stored = await this.#hdfs.status(aside, signal);
      if (payload.sizeBytes !== undefined && stored?.sizeBytes !== payload.sizeBytes) {
        const text = `create ${key}: ${stored?.sizeBytes ?? 0} bytes are stored of ${payload.sizeBytes}`;
        throw new ExecutorError("Transient", text);
      }
      const { modifiedMs } = attributes;
      // It tells at the next run that nothing has changed.
      if (modifiedMs !== undefined) await this.#hdfs.setModified(aside, Math.floor(modifiedMs), signal);
      await this.#publish(aside, path, signal);
    } catch (error) {
      // Told to stop or not, what is half there goes; whether that works changes nothing of the error.
      await this.#hdfs.removeAlone(aside, AbortSignal.timeout(removalTimeoutMs)).catch(() => {});
      throw error;
    }
  }

  async startUpload(): Promise<MultipartUpload> {
    throw new ExecutorError("Unsupported", "a file of HDFS is written in one go");
  }

  async list(
    prefix: string,
    after: string | undefined,
    pageSize: number,
    signal: AbortSignal,
  ): Promise<ListPage> {
    const known = this.#walk;
    const rest =
      known !== undefined && known.place === `${prefix}\n${after}`
        ? known.rest
        : walkFiles(this.#hdfs, { root: this.#root, prefix, after }, signal);
    this.#walk = undefined;
    const objects: ObjectInfo[] = [];
    while (objects.length < pageSize) {
      const next = await rest.next();
      if (next.done === true) return { objects, next: undefined };
      objects.push(toInfo(...next.value));
    }
    const last = objects.at(-1)?.key;
    this.#walk = { place: `${prefix}\n${last}`, rest };
    return { objects, next: last };
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    const path = this.#pathOf(key);
    await this.#hdfs.removeAlone(path, signal);
    // Folders are there for what is in them.
    for (let folder = posix.dirname(path); folder.length > this.#root.length; folder = posix.dirname(folder))
      if (!(await this.#hdfs.removeAlone(folder, signal))) return;
  }

  async deleteBatch(): Promise<ReadonlyMap<string, Error>> {
    throw new ExecutorError("Unsupported", "files are deleted one by one");
  }

  async *#bytes(info: ObjectInfo, range: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const path = this.#pathOf(info.key);
    const status = { isDirectory: false, sizeBytes: info.sizeBytes, modifiedMs: info.modifiedMs ?? 0 };
    let left = range.length;
    if (left > 0) {
      for await (const chunk of this.#hdfs.read(path, range, status, signal)) {
        left -= chunk.byteLength;
        if (left < 0) throw new ExecutorError("Corrupt", `open ${path}: more bytes came than were asked for`);
        yield chunk;
      }
    }
    // A file that is replaced gets another time: what was read before is then of the one that was meant.
    const now = await this.#hdfs.status(path, signal);
    if (now === undefined || now.isDirectory || (info.etag !== undefined && tagOf(now) !== info.etag))
      throw new ExecutorError("Conflict", `${info.key} was replaced while it was read`);
    if (left > 0) throw new ExecutorError("Transient", `open ${path}: unexpected EOF`);
  }

  /** A file in another one's place, in one step where the server can do that. */
  async #publish(aside: string, path: string, signal: AbortSignal): Promise<void> {
    // A folder beside it may have gone, empty, between the two.
    for (let tries = 3; tries > 0; tries -= 1) {
      const { dir } = posix.parse(path);
      const isMade = await isDone(() => this.#hdfs.makeFolder(dir, signal));
      if (!isMade) throw hidden(path);
      if (await this.#hdfs.replace(aside, path, signal)) return;
      const there = await this.#hdfs.status(path, signal);
      if (there?.isDirectory) throw hidden(path);
      const isReady = (await this.#hdfs.status(aside, signal)) !== undefined;
      if (there !== undefined && isReady) await this.#hdfs.removeAlone(path, signal);
      if (await isDone(() => this.#hdfs.rename(aside, path, signal))) return;
    }
    throw new ExecutorError("Transient", `rename ${path}: it came and went while it was written`);
  }

  /** Where unfinished files are; those that a process which was killed has left long ago go. */
  async #ownFolder(signal: AbortSignal): Promise<string> {
    this.#prepared ??= this.#prepare(signal);
    try {
      return await this.#prepared;
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    }
  }

  async #prepare(signal: AbortSignal): Promise<string> {
    const folder = `${this.#root}${ownFolder}`;
    if (!(await isDone(() => this.#hdfs.makeFolder(folder, signal)))) throw hidden(`${folder}/`);
    for await (const [name, { isDirectory, modifiedMs }] of this.#hdfs.entries(folder, signal)) {
      const isAbandoned = !isDirectory && Date.now() - modifiedMs > abandonedMs;
      if (isAbandoned) await this.#hdfs.removeAlone(`${folder}/${name}`, signal);
    }
    return `${folder}/`;
  }

  #pathOf(key: string): string {
    return fileKey(this.#root, key);
  }
}

/** The tag is made of what changes when a file is written. */
function toInfo(key: string, status: FileStatus): ObjectInfo {
  const { sizeBytes, modifiedMs } = status;
  return { key, sizeBytes, etag: tagOf(status), modifiedMs };
}

function tagOf({ sizeBytes, modifiedMs }: FileStatus): string {
  return `${modifiedMs}-${sizeBytes}`;
}

function hidden(path: string): ExecutorError {
  const text = `HDFS cannot hold a key and others below it (${path}); copy it to an object store`;
  return new ExecutorError("Unsupported", text);
}
