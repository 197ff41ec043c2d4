import type { BucketQuestions } from "../../artifacts/index.ts";
import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import { payloadOf } from "../../http/index.ts";
import type { ArtifactLocation } from "../../template/index.ts";
import {
  type Channel,
  compareKeys,
  type ObjectAttributes,
  ObjectDeleter,
  type ObjectInfo,
  type ObjectStore,
} from "../../transfer/index.ts";
import { sortedPages } from "../listing/index.ts";

/** An object as a listing tells of it; its key is that in the bucket, the repository's prefix included. */
export type ListedObject = ObjectInfo;

/** Behind a repository's prefix: what sync keeps there itself, which belongs to nobody's artifacts and is never listed. */
export const journalFolder = ".outrider-sync/";

/** A stretch of keys, in the order of their bytes. */
export interface KeyRange {
  /** Keys begin with this, behind the repository's own prefix. */
  readonly prefix?: string | undefined;
  /** Behind this key of the bucket, and not it. */
  readonly after?: string | undefined;
  /** Up to this key of the bucket, and with it. */
  readonly upTo?: string | undefined;
}

/**
 * One side of a sync: a bucket, or a part of it, in whatever store. Listings come in the order of the keys' bytes, in
 * memory that does not depend on their number; requests are repeated while that may help, and kept to the limits that
 * the user set.
 */
export interface Repository extends AsyncDisposable {
  /** As people name it, such as `s3://bucket/prefix`; holds no secret. */
  readonly name: string;
  /** The store's location without a key; undefined for a local folder. */
  readonly location: ArtifactLocation | undefined;
  /** What every key begins with: empty, or a folder's name with its slash. */
  readonly prefix: string;
  /** How the controller makes keys there; undefined: its configuration does not say, or is not known. */
  readonly keyFormat: string | undefined;
  readonly store: ObjectStore;
  readonly channel: Channel;
  /** Pages of a listing; throws where the listing is not whole. Entries that stand for folders are left out. */
  pages(range: KeyRange, signal: AbortSignal): AsyncIterable<readonly ListedObject[]>;
  /** The same one by one. */
  list(range: KeyRange, signal: AbortSignal): AsyncIterable<ListedObject>;
  /** Undefined where there is no such object. */
  head(key: string, signal: AbortSignal): Promise<ListedObject | undefined>;
  /** The bytes of a small object; undefined where there is none. Throws TooLarge beyond `limitBytes`. */
  read(key: string, limitBytes: number, signal: AbortSignal): Promise<Buffer | undefined>;
  /** Stores a small object. */
  write(key: string, bytes: Uint8Array, attributes: ObjectAttributes, signal: AbortSignal): Promise<void>;
  /** What answers questions about the bucket; undefined: nobody does. */
  openQuestions?: (() => Promise<BucketQuestions>) | undefined;
  /** Deletes these objects, and nothing below them; resolves to those that are left, with the reason. */
  delete(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>>;
}

interface RepositoryParts {
  readonly name: string;
  readonly location: ArtifactLocation | undefined;
  readonly prefix: string;
  readonly keyFormat?: string | undefined;
  readonly store: ObjectStore;
  readonly channel: Channel;
  /** Where a listing that is not in order is sorted. */
  readonly temporaryFolder: string;
  readonly openQuestions?: (() => Promise<BucketQuestions>) | undefined;
  close(): Promise<void>;
}

export class StoreRepository implements Repository {
  readonly name: string;
  readonly location: ArtifactLocation | undefined;
  readonly prefix: string;
  readonly keyFormat: string | undefined;
  readonly store: ObjectStore;
  readonly channel: Channel;
  readonly openQuestions: (() => Promise<BucketQuestions>) | undefined;
  readonly #parts: RepositoryParts;
  readonly #deleter: ObjectDeleter;

  constructor(parts: RepositoryParts) {
    this.name = parts.name;
    this.location = parts.location;
    this.prefix = parts.prefix;
    this.keyFormat = parts.keyFormat;
    this.store = parts.store;
    this.channel = parts.channel;
    this.openQuestions = parts.openQuestions;
    this.#parts = parts;
    this.#deleter = new ObjectDeleter(parts.store, parts.channel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.close();
  }

  async *pages(range: KeyRange, signal: AbortSignal): AsyncGenerator<readonly ListedObject[]> {
    const { after, upTo } = range;
    const prefix = `${this.prefix}${range.prefix ?? ""}`;
    const own = `${this.prefix}${journalFolder}`;
    const { temporaryFolder } = this.#parts;
    for await (const page of sortedPages(
      this.store,
      { prefix, after },
      temporaryFolder,
      this.channel,
      signal,
    )) {
      const last = page.at(-1);
      const isOver = upTo !== undefined && last !== undefined && compareKeys(last.key, upTo) > 0;
      const hasOwn = page.some(({ key }) => key.startsWith(own));
      const isMeant = ({ key }: ListedObject) =>
        !key.startsWith(own) && (!isOver || compareKeys(key, upTo ?? "") <= 0);
      yield isOver || hasOwn ? page.filter(isMeant) : page;
      if (isOver) return;
    }
  }

  async *list(range: KeyRange, signal: AbortSignal): AsyncGenerator<ListedObject> {
    for await (const page of this.pages(range, signal)) yield* page;
  }

  async head(key: string, signal: AbortSignal): Promise<ListedObject | undefined> {
    try {
      return await this.channel.request(() => this.store.head(key, signal), signal);
    } catch (error) {
      if (isExecutorError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async read(key: string, limitBytes: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const info = await this.head(key, signal);
    if (info === undefined) return undefined;
    if (info.sizeBytes > limitBytes) {
      throw new ExecutorError(
        "TooLarge",
        `${key} has ${info.sizeBytes} bytes, and may have ${limitBytes} at most`,
      );
    }
    return await this.channel.request(async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await this.store.get(info, undefined, signal)).chunks) chunks.push(chunk);
      return Buffer.concat(chunks);
    }, signal);
  }

  async write(
    key: string,
    bytes: Uint8Array,
    attributes: ObjectAttributes,
    signal: AbortSignal,
  ): Promise<void> {
    await this.channel.request(() => this.store.put(key, payloadOf(bytes), attributes, signal), signal);
  }

  delete(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>> {
    return this.#deleter.delete(keys, signal);
  }
}
