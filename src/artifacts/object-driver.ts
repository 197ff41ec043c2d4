import { ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
import type { FileContent, TreeContent } from "../streams/index.ts";
import { type Artifact, getKey, joinKey } from "../template/index.ts";
import {
  type Channel,
  deleteKeys,
  downloadToFile,
  downloadTree,
  hasObjects,
  listObjects,
  type ObjectInfo,
  type ObjectStore,
  openDownload,
  openInflated,
  uploadObject,
  uploadTree,
} from "../transfer/index.ts";
import type { ArtifactDriver, ListedObject, StoredArtifact } from "./driver.ts";

export interface ObjectDriverOptions {
  readonly threads: number;
  readonly partBytes: number | undefined;
  contentType(fileName: string): Promise<string>;
  /** Runs before a save; for buckets that may have to be made, and what else a location asks for. */
  prepareSaving?(key: string, signal: AbortSignal): Promise<void>;
  /** The key as this store's users mean it, where that is not the very text. */
  cleanKey?(key: string): string;
  readonly phrases?: Partial<Phrases>;
  close(): Promise<void>;
}

/** What errors begin with: users' expressions match these words (docs/contract/artifacts.md#5). `%` stands for the key. */
export interface Phrases {
  readonly missing: string;
  readonly find: string;
  readonly testDirectory: string;
  readonly loadDirectory: string;
  readonly saveFile: string;
  readonly saveTree: string;
  readonly list: string;
}

const defaultPhrases: Phrases = {
  missing: "The specified key does not exist.",
  find: "failed to get file",
  testDirectory: "failed to test if % is a directory",
  loadDirectory: "failed to get directory",
  saveFile: "failed to put file",
  saveTree: "failed to put directory",
  list: "failed to list directory",
};

/** The artifact driver of every object store: what S3, GCS, Azure and OSS have in common (docs/contract/artifacts.md#5.1). */
export class ObjectDriver implements ArtifactDriver {
  readonly #store: ObjectStore;
  readonly #channel: Channel;
  readonly #options: ObjectDriverOptions;
  readonly #phrases: Phrases;

  constructor(store: ObjectStore, channel: Channel, options: ObjectDriverOptions) {
    this.#store = store;
    this.#channel = channel;
    this.#options = options;
    this.#phrases = { ...defaultPhrases, ...options.phrases };
  }

  async open(artifact: Artifact, signal: AbortSignal): Promise<StoredArtifact> {
    const key = this.#keyOf(artifact);
    const info = key === "" ? undefined : await during(this.#phrase("find", key), this.#find(key, signal));
    // A marker that consoles make for a folder is not the artifact (docs/contract/artifacts.md#D-6).
    const isMarker = info?.isFolder === true || (key.endsWith("/") && info?.sizeBytes === 0);
    if (info !== undefined && !isMarker) return this.#openFile(info, signal);
    const prefix = folderPrefix(key);
    const isDirectory =
      info?.isFolder === true ||
      (await during(
        this.#phrase("testDirectory", key),
        hasObjects(this.#store, prefix, this.#channel, signal),
      ));
    if (!isDirectory) throw new ExecutorError("NotFound", this.#phrase("missing", key));
    const download = (path: string) =>
      during(
        this.#phrase("loadDirectory", key),
        downloadTree(this.#store, prefix, path, this.#channel, signal),
      );
    return { kind: "directory", download };
  }

  async saveFile(artifact: Artifact, content: FileContent, signal: AbortSignal): Promise<void> {
    const key = this.#keyOf(artifact);
    if (key === "") throw emptyKey();
    await this.#options.prepareSaving?.(key, signal);
    const { threads, partBytes } = this.#options;
    const attributes = { contentType: await this.#options.contentType(content.name) };
    const options = { threads, partBytes, attributes };
    await during(
      this.#phrase("saveFile", key),
      uploadObject({ store: this.#store, key, channel: this.#channel }, content, options, signal),
    );
  }

  async saveTree(artifact: Artifact, tree: TreeContent, signal: AbortSignal): Promise<void> {
    const key = this.#keyOf(artifact);
    await this.#options.prepareSaving?.(key, signal);
    await during(
      this.#phrase("saveTree", key),
      uploadTree({ store: this.#store, key, channel: this.#channel }, tree, this.#options, signal),
    );
    await this.#uncover(key, signal);
  }

  async delete(artifact: Artifact, signal: AbortSignal): Promise<void> {
    const [failure] = await this.deleteMany([artifact], signal);
    if (failure !== undefined) throw failure;
  }

  async deleteMany(
    artifacts: readonly Artifact[],
    signal: AbortSignal,
  ): Promise<readonly (Error | undefined)[]> {
    const keys = artifacts.map((artifact) => this.#keyOf(artifact));
    const named = keys.filter((key) => key !== "");
    const outcomes = await deleteKeys(this.#store, named, this.#channel, signal);
    const byKey = new Map(named.map((key, index) => [key, outcomes[index]]));
    return keys.map((key) => (key === "" ? emptyKey() : byKey.get(key)));
  }

  async *list(artifact: Artifact, signal: AbortSignal): AsyncGenerator<ListedObject> {
    const key = this.#keyOf(artifact);
    let isEmpty = true;
    try {
      for await (const object of listObjects(this.#store, folderPrefix(key), this.#channel, signal)) {
        if (object.isFolder || object.key.endsWith("/")) continue;
        isEmpty = false;
        yield object;
      }
    } catch (error) {
      throw ExecutorError.wrap(error, this.#phrase("list", key));
    }
    if (isEmpty && key !== "" && (await this.#find(key, signal)) === undefined) {
      throw new ExecutorError("NotFound", `no key found of name ${key}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.close();
  }

  async #find(key: string, signal: AbortSignal): Promise<ObjectInfo | undefined> {
    try {
      return await this.#channel.request(() => this.#store.head(key, signal), signal);
    } catch (error) {
      if (isExecutorError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** An older file of the same key would hide the directory from everyone who loads it (docs/contract/artifacts.md#D-42). */
  async #uncover(key: string, signal: AbortSignal): Promise<void> {
    if (key === "" || key.endsWith("/")) return;
    try {
      const hidden = await this.#find(key, signal);
      if (hidden === undefined || hidden.isFolder) return;
      await this.#channel.request(() => this.#store.delete(key, signal), signal);
    } catch (error) {
      // Whoever may write only cannot look; and there is nothing to uncover in nearly every bucket.
      if (!isExecutorError(error, "Forbidden", "Unauthorized", "Unsupported")) throw error;
    }
  }

  #keyOf(artifact: Artifact): string {
    const key = getKey(artifact);
    return this.#options.cleanKey?.(key) ?? key;
  }

  #phrase(name: keyof Phrases, key: string): string {
    return this.#phrases[name].replace("%", () => key);
  }

  #openFile(info: ObjectInfo, signal: AbortSignal): StoredArtifact {
    if (info.isInflated) {
      const openStream = () => openInflated(this.#store, info, this.#channel, signal);
      return { kind: "file", sizeBytes: undefined, openStream };
    }
    return {
      kind: "file",
      sizeBytes: info.sizeBytes,
      openStream: () => openDownload(this.#store, info, this.#channel, signal),
      saveTo: (path) => downloadToFile(this.#store, info, path, this.#channel, signal),
    };
  }
}

/** `clean(key)/`: directories never take in their siblings (docs/contract/artifacts.md#D-8). Empty for the whole bucket. */
function folderPrefix(key: string): string {
  const clean = joinKey(key);
  return clean === "" || clean === "." ? "" : clean === "/" ? "/" : `${clean}/`;
}

function emptyKey(): ExecutorError {
  return new ExecutorError(
    "BadRequest",
    "the artifact's key is empty, which would mean the whole bucket; give it a key",
  );
}

async function during<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isExecutorError(error)) throw ExecutorError.wrap(error, what);
    if (error instanceof DOMException) throw error;
    throw new ExecutorError("Internal", `${what}: ${errorText(error)}`, { cause: error });
  }
}
