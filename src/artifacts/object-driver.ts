import { ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
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
  uploadObject,
  uploadTree,
} from "../transfer/index.ts";
import type { ArtifactDriver, FileContent, StoredArtifact, TreeContent } from "./driver.ts";

export interface ObjectDriverOptions {
  readonly threads: number;
  readonly partBytes: number | undefined;
  contentType(fileName: string): Promise<string>;
  /** Runs before the first save; for buckets that may have to be made. */
  prepareSaving?(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** The artifact driver of every object store: what S3, GCS, Azure and OSS have in common (contract artifacts.md 5.1). */
export class ObjectDriver implements ArtifactDriver {
  readonly #store: ObjectStore;
  readonly #channel: Channel;
  readonly #options: ObjectDriverOptions;

  constructor(store: ObjectStore, channel: Channel, options: ObjectDriverOptions) {
    this.#store = store;
    this.#channel = channel;
    this.#options = options;
  }

  async open(artifact: Artifact, signal: AbortSignal): Promise<StoredArtifact> {
    const key = getKey(artifact);
    const info = key === "" ? undefined : await during("failed to get file", this.#find(key, signal));
    // A marker that consoles make for a folder is not the artifact (contract artifacts.md D-6).
    if (info !== undefined && !(key.endsWith("/") && info.sizeBytes === 0))
      return this.#openFile(info, signal);
    const prefix = folderPrefix(key);
    const isDirectory = await during(
      `failed to test if ${key} is a directory`,
      hasObjects(this.#store, prefix, this.#channel, signal),
    );
    if (!isDirectory) throw new ExecutorError("NotFound", "The specified key does not exist.");
    const download = (path: string) =>
      during("failed to get directory", downloadTree(this.#store, prefix, path, this.#channel, signal));
    return { kind: "directory", download };
  }

  async saveFile(artifact: Artifact, content: FileContent, signal: AbortSignal): Promise<void> {
    const key = nonEmptyKey(artifact);
    await this.#options.prepareSaving?.(signal);
    const { threads, partBytes } = this.#options;
    const contentType = await this.#options.contentType(content.name);
    const options = { threads, partBytes, contentType };
    await during(
      "failed to put file",
      uploadObject(this.#store, key, content, options, this.#channel, signal),
    );
  }

  async saveTree(artifact: Artifact, tree: TreeContent, signal: AbortSignal): Promise<void> {
    const key = getKey(artifact);
    await this.#options.prepareSaving?.(signal);
    await during(
      "failed to put directory",
      uploadTree(this.#store, key, tree, this.#options, this.#channel, signal),
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
    const keys = artifacts.map((artifact) => getKey(artifact));
    const named = keys.filter((key) => key !== "");
    const outcomes = await deleteKeys(this.#store, named, this.#channel, signal);
    const byKey = new Map(named.map((key, index) => [key, outcomes[index]]));
    return keys.map((key) => (key === "" ? emptyKey() : byKey.get(key)));
  }

  async list(artifact: Artifact, signal: AbortSignal): Promise<readonly string[]> {
    const key = getKey(artifact);
    const keys: string[] = [];
    try {
      for await (const object of listObjects(this.#store, folderPrefix(key), this.#channel, signal)) {
        if (!object.key.endsWith("/")) keys.push(object.key);
      }
    } catch (error) {
      throw ExecutorError.wrap(error, "failed to list directory");
    }
    if (keys.length === 0 && key !== "" && (await this.#find(key, signal)) === undefined) {
      throw new ExecutorError("NotFound", `no key found of name ${key}`);
    }
    return keys;
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

  /** An older file of the same key would hide the directory from everyone who loads it (contract artifacts.md D-42). */
  async #uncover(key: string, signal: AbortSignal): Promise<void> {
    if (key === "" || key.endsWith("/")) return;
    try {
      if ((await this.#find(key, signal)) === undefined) return;
      await this.#channel.request(() => this.#store.delete(key, signal), signal);
    } catch (error) {
      // Whoever may write only cannot look; and there is nothing to uncover in nearly every bucket.
      if (!isExecutorError(error, "Forbidden", "Unauthorized", "Unsupported")) throw error;
    }
  }

  #openFile(info: ObjectInfo, signal: AbortSignal): StoredArtifact {
    return {
      kind: "file",
      sizeBytes: info.sizeBytes,
      openStream: () => openDownload(this.#store, info, this.#channel, signal),
      saveTo: (path) => downloadToFile(this.#store, info, path, this.#channel, signal),
    };
  }
}

/** `clean(key)/`: directories never take in their siblings (contract artifacts.md D-8). Empty for the whole bucket. */
function folderPrefix(key: string): string {
  const clean = joinKey(key);
  return clean === "" || clean === "." ? "" : clean === "/" ? "/" : `${clean}/`;
}

function nonEmptyKey(artifact: Artifact): string {
  const key = getKey(artifact);
  if (key === "") throw emptyKey();
  return key;
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
