import { lstat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { exponential, type RetryPolicy, retry } from "../../../retry/index.ts";
import type { FileContent, TreeContent } from "../../../streams/index.ts";
import type { Artifact, PluginLocation } from "../../../template/index.ts";
import { countInSpan, noteTransfer } from "../../../tracing/index.ts";
import type { ArtifactDriver, DriverContext, ListedObject, LoadPlace, StoredArtifact } from "../../driver.ts";
import { PluginClient } from "./client.ts";
import { readPluginConfig } from "./config.ts";
import { connectionTo, type PluginConnection } from "./connection.ts";
import { Staging } from "./staging.ts";

/** Deletions on their way to one plugin at once. */
const deletionsInFlight = 8;

/** Artifacts that a program of somebody else keeps, in a container beside ours (docs/contract/artifacts.md#5.10). */
export function openPluginDriver(location: PluginLocation, context: DriverContext): ArtifactDriver {
  const { plugins, settings } = context;
  if (plugins === undefined) {
    throw new ExecutorError("Unsupported", "artifact plugins run in the pods of a cluster only");
  }
  const connection = connectionTo(readPluginConfig(location, plugins), plugins);
  return new PluginDriver(connection, new Staging(plugins.staging), exponential(settings.retry));
}

class PluginDriver implements ArtifactDriver {
  readonly #connection: PluginConnection;
  readonly #client: PluginClient;
  readonly #staging: Staging;
  readonly #policy: RetryPolicy;

  constructor(connection: PluginConnection, staging: Staging, policy: RetryPolicy) {
    this.#connection = connection;
    this.#client = new PluginClient(connection);
    this.#staging = staging;
    this.#policy = policy;
  }

  /** Asks nothing yet: plugins need not know IsDirectory, so only a load shows what there is. */
  async open(artifact: Artifact, signal: AbortSignal): Promise<StoredArtifact> {
    return {
      kind: "either",
      isDirectory: () => this.#retried(() => this.#client.isDirectory(artifact, signal), signal),
      openStream: (): Readable => this.#client.openStream(artifact, signal),
      loadTo: async (place) => {
        await this.#client.load(artifact, place.path, signal);
        return await kindOf(place, this.#client.name);
      },
    };
  }

  async saveFile(artifact: Artifact, content: FileContent, signal: AbortSignal): Promise<void> {
    const save = (path: string) => this.#save(artifact, path, signal);
    if (!(await this.#client.savesStreams(signal))) {
      return await this.#staging.withFile(artifact, content, save, signal);
    }
    let tries = 0;
    const attempt = async () => {
      tries += 1;
      if (tries > 1 && !content.replayable) {
        throw new ExecutorError(
          "Unsupported",
          "saving broke off, and the content cannot be read a second time",
        );
      }
      await this.#client.saveStream(artifact, content.open(), signal);
    };
    await this.#retried(attempt, signal);
    noteTransfer(content.sizeBytes ?? 0);
  }

  async saveTree(artifact: Artifact, tree: TreeContent, signal: AbortSignal): Promise<void> {
    const save = (path: string) => this.#save(artifact, path, signal);
    await this.#staging.withTree(artifact, tree, save, signal);
  }

  async delete(artifact: Artifact, signal: AbortSignal): Promise<void> {
    try {
      await this.#retried(() => this.#client.delete(artifact, signal), signal);
    } catch (error) {
      if (!isExecutorError(error, "NotFound")) throw error;
    }
  }

  async deleteMany(
    artifacts: readonly Artifact[],
    signal: AbortSignal,
  ): Promise<readonly (Error | undefined)[]> {
    const outcomes: (Error | undefined)[] = new Array(artifacts.length).fill(undefined);
    let next = 0;
    const worker = async () => {
      for (let index = next++; index < artifacts.length; index = next++) {
        try {
          await this.delete(artifacts[index] as Artifact, signal);
        } catch (error) {
          signal.throwIfAborted();
          outcomes[index] = error as Error;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(deletionsInFlight, artifacts.length) }, worker));
    return outcomes;
  }

  async expectStreams(signal: AbortSignal): Promise<void> {
    if (await this.#client.savesStreams(signal)) return;
    const text = `plugin ${this.#client.name} takes files only, which would lie on this pod's disk once more`;
    throw new ExecutorError("Unsupported", text);
  }

  /** The protocol has one message for all names, and nothing beside them. */
  async *list(artifact: Artifact, signal: AbortSignal): AsyncGenerator<ListedObject> {
    for (const key of await this.#retried(() => this.#client.list(artifact, signal), signal)) yield { key };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.release();
  }

  async #save(artifact: Artifact, path: string, signal: AbortSignal): Promise<void> {
    const found = await lstat(path).catch(() => undefined);
    await this.#retried(() => this.#client.save(artifact, path, signal), signal);
    noteTransfer(found?.size ?? 0);
  }

  #retried<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return retry(this.#policy, attempt, signal, { onRetry: () => countInSpan("transfer.retries", 1) });
  }
}

/** A link would lead our own reading out of the folder that we share with the plugin, to this container's secrets. */
async function kindOf(place: LoadPlace, plugin: string): Promise<"file" | "directory"> {
  const found = await lstat(place.seenBy).catch(() => undefined);
  if (found?.isFile()) {
    noteTransfer(found.size);
    return "file";
  }
  if (found?.isDirectory()) return "directory";
  const what = found === undefined ? "nothing" : "neither file nor directory, but a link or a special file,";
  throw new ExecutorError(
    "Corrupt",
    `plugin ${plugin} load failed: the plugin said it was done, and left ${what} at ${place.path}`,
  );
}
