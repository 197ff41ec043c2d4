import { ExecutorError } from "../../../errors/index.ts";
import { HttpClient } from "../../../http/index.ts";
import { type FiniteRetryPolicy, noRetries } from "../../../retry/index.ts";
import type { FileContent, TreeContent } from "../../../streams/index.ts";
import { type Artifact, getKey, type HdfsLocation } from "../../../template/index.ts";
import type { Channel } from "../../../transfer/index.ts";
import type { ArtifactDriver, DriverContext, ListedObject, OpenStore, StoredArtifact } from "../../driver.ts";
import { checkPath, type HdfsConfig, readHdfsConfig } from "./config.ts";
import { downloadDirectory, filesBelow, openFile } from "./download.ts";
import { EitherHdfs } from "./either-hdfs.ts";
import type { HdfsFiles } from "./files.ts";
import { openKerberos, rpcIdentity } from "./identity.ts";
import { saveFile, saveTree } from "./upload.ts";
import { WebHdfs } from "./web-hdfs.ts";

/** HDFS by the protocol of its own clients, or by WebHDFS (docs/contract/artifacts.md#5.5). */
export async function openHdfsDriver(
  location: HdfsLocation,
  context: DriverContext,
): Promise<ArtifactDriver> {
  const config = readHdfsConfig(location);
  const { policy } = channelOf(config, context);
  return new HdfsDriver(config, await openFiles(location, config, context, policy));
}

/** The folder that the location's path names, as an object store. */
export async function openHdfsStore(location: HdfsLocation, context: DriverContext): Promise<OpenStore> {
  const { HdfsStore } = await import("./store.ts");
  const config = readHdfsConfig(location);
  // Whoever moves objects repeats what fails.
  const hdfs = await openFiles(location, config, context, noRetries);
  return {
    store: new HdfsStore(`${hostOf(config)}${config.path}`, hdfs, config.path),
    async [Symbol.asyncDispose]() {
      hdfs[Symbol.dispose]();
    },
  };
}

function hostOf({ origins }: HdfsConfig): string {
  return new URL(origins[0] ?? "").host;
}

function channelOf(config: HdfsConfig, { transfers, log }: DriverContext): Channel {
  return transfers.channel(hostOf(config), log);
}

/** The RPC ports that users give lead to WebHDFS where nobody listens at them. */
async function openFiles(
  location: HdfsLocation,
  config: HdfsConfig,
  context: DriverContext,
  policy: FiniteRetryPolicy,
): Promise<HdfsFiles> {
  const { settings, log } = context;
  const http = new HttpClient({ caPem: settings.caPem, proxy: settings.proxy });
  const kerberos = await openKerberos(location, context);
  const web = new WebHdfs(config, http, policy, kerberos);
  if (config.nameNodes.length === 0) return web;
  const { NameNodes, NativeHdfs } = await import("./native/index.ts");
  const identity = await rpcIdentity(location, config, kerberos);
  const native = new NativeHdfs(new NameNodes(config.nameNodes, identity, policy), config, policy);
  return new EitherHdfs([native, web], policy, log);
}

class HdfsDriver implements ArtifactDriver {
  readonly #config: HdfsConfig;
  readonly #hdfs: HdfsFiles;

  constructor(config: HdfsConfig, hdfs: HdfsFiles) {
    this.#config = config;
    this.#hdfs = hdfs;
  }

  async open(artifact: Artifact, signal: AbortSignal): Promise<StoredArtifact> {
    const path = pathOf(artifact);
    const status = await this.#hdfs.status(path, signal);
    if (status === undefined) throw new ExecutorError("NotFound", `stat ${path}: file does not exist`);
    if (status.isDirectory) {
      const download = (folder: string) =>
        downloadDirectory(this.#hdfs, path, folder, this.#hdfs.policy, signal);
      return { kind: "directory", download };
    }
    const openStream = () => openFile(this.#hdfs, path, status, this.#hdfs.policy, signal);
    return { kind: "file", sizeBytes: status.sizeBytes, openStream };
  }

  async saveFile(artifact: Artifact, content: FileContent, signal: AbortSignal): Promise<void> {
    await saveFile(this.#saving(signal), pathOf(artifact), content);
  }

  async saveTree(artifact: Artifact, tree: TreeContent, signal: AbortSignal): Promise<void> {
    await saveTree(this.#saving(signal), pathOf(artifact), tree);
  }

  async delete(artifact: Artifact, signal: AbortSignal): Promise<void> {
    const path = pathOf(artifact);
    if (path === "/") throw new ExecutorError("BadRequest", "the root of HDFS is not deleted");
    await this.#hdfs.remove(path, signal);
  }

  async deleteMany(
    artifacts: readonly Artifact[],
    signal: AbortSignal,
  ): Promise<readonly (Error | undefined)[]> {
    const outcomes: (Error | undefined)[] = [];
    for (const artifact of artifacts) {
      try {
        await this.delete(artifact, signal);
        outcomes.push(undefined);
      } catch (error) {
        signal.throwIfAborted();
        outcomes.push(error as Error);
      }
    }
    return outcomes;
  }

  async *list(artifact: Artifact, signal: AbortSignal): AsyncGenerator<ListedObject> {
    const path = pathOf(artifact);
    const status = await this.#hdfs.status(path, signal);
    if (status === undefined) throw new ExecutorError("NotFound", `no key found of name ${path}`);
    if (!status.isDirectory) return;
    const folder = path === "/" ? "" : path;
    for await (const [name, { isDirectory, sizeBytes, modifiedMs }] of filesBelow(this.#hdfs, path, signal))
      if (!isDirectory) yield { key: `${folder}/${name}`, sizeBytes, modifiedMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hdfs[Symbol.dispose]();
  }

  #saving(signal: AbortSignal) {
    return { hdfs: this.#hdfs, isForced: this.#config.isForced, signal };
  }
}

/** The artifact's own path; the location's is what the driver was opened with. */
function pathOf(artifact: Artifact): string {
  const path = getKey(artifact);
  checkPath(path);
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}
