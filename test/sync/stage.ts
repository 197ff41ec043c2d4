import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openRepository, Pace, Report, type Repository } from "../../src/sync/index.ts";
import {
  type Confirmations,
  type DeletionReport,
  deleteListed,
  findOrphans,
  type OrphanReport,
  type OrphanSearch,
  orphanRepository,
} from "../../src/sync/orphans/index.ts";
import { surroundings, temporaryFolder } from "../drivers/surroundings.ts";
import type { ArgoServer } from "../servers/argo-server/index.ts";
import { type ObjectServer, startObjectServer } from "../servers/object-server/index.ts";
import { type Cluster, collect, never, startArchive, startCluster } from "./clients.ts";
import { type WorkflowSketch, workflowObject } from "./workflow-objects.ts";

export interface Stage extends Cluster {
  readonly repository: Repository;
  readonly store: ObjectServer;
  readonly argo: ArgoServer;
  readonly folder: string;
  /** The repository, as a file and a folder of secrets. */
  readonly configuration: string;
  readonly list: string;
  readonly search: OrphanSearch;
  archive(sketch: WorkflowSketch): void;
  /** Objects that hold their own keys. */
  put(...keys: string[]): Promise<void>;
  rewrite(key: string, content: string): Promise<void>;
  keys(): Promise<readonly string[]>;
  find(changes?: Partial<OrphanSearch>): Promise<OrphanReport>;
  /** Deletes what the list names. */
  remove(confirmed?: Partial<Confirmations>, changes?: Partial<OrphanSearch>): Promise<DeletionReport>;
}

export interface StageOptions {
  readonly keyFormat?: string;
}

const bucket = "artifacts";

/** A cluster, an archive and a store, and a search that reads all of them and takes objects of any age. */
export async function startStage(t: TestContext, options: StageOptions = {}): Promise<Stage> {
  const folder = await temporaryFolder(t);
  const store = await startObjectServer({ directory: join(folder, "store"), accessKey: "a", secretKey: "s" });
  t.after(() => store[Symbol.asyncDispose]());
  store.createBucket(bucket);
  const cluster = await startCluster(t);
  const { server: argo, client } = await startArchive(t);
  const context = surroundings({ "keys/a": "a", "keys/s": "s" });
  const location = {
    s3: {
      endpoint: store.endpoint,
      bucket,
      insecure: true,
      region: "us-east-1",
      accessKeySecret: { name: "keys", key: "a" },
      secretKeySecret: { name: "keys", key: "s" },
    },
  };
  const configuration = join(folder, "repository.yaml");
  const { keyFormat } = options;
  await writeFile(
    configuration,
    JSON.stringify({ s3: { ...location.s3, ...(keyFormat ? { keyFormat } : {}) } }),
  );
  await mkdir(join(folder, "keys"));
  await Promise.all(["a", "s"].map((name) => writeFile(join(folder, "keys", name), name)));
  const repository = await openRepository(
    configuration,
    {
      settings: context.settings,
      transfers: context.transfers,
      log: context.log,
      variables: {},
      keyVariables: {},
      hadoopUser: undefined,
      secretFolders: [folder],
      openKube: undefined,
      asksClusterForSecrets: false,
      pace: new Pace({ requestsPerSecond: undefined, bytesPerSecond: undefined }),
      temporaryFolder: folder,
    },
    never,
  );
  t.after(() => repository[Symbol.asyncDispose]());
  const search: OrphanSearch = {
    report: new Report("sync orphans", undefined, repository.name),
    repository: orphanRepository(repository, undefined),
    sources: { cluster: cluster.kube, archive: client, files: [], namespaces: [] },
    formerKeyFormats: [],
    isExclusive: false,
    olderThanMs: -1000,
    retention: undefined,
    selection: { includes: () => false, excludes: () => false, selectsWorkflow: () => true },
  };
  const list = join(folder, "orphans.jsonl");
  const confirmations = {
    acceptNoWorkflows: false,
    acceptFewerWorkflows: false,
    withoutArchive: false,
    withoutCluster: false,
    maxDelete: 1000,
  };
  const write = async (key: string, content: string) =>
    await repository.write(key, Buffer.from(content), { contentType: "text/plain" }, never);
  return {
    ...cluster,
    repository,
    store,
    argo,
    folder,
    configuration,
    list,
    search,
    archive: (sketch) => void argo.workflows.push(workflowObject(sketch)),
    async put(...keys) {
      for (const key of keys) await write(key, key);
    },
    rewrite: write,
    async keys() {
      const objects = await collect(repository.list({}, never));
      return objects.map(({ key }) => key);
    },
    find: (changes = {}) => findOrphans({ ...search, ...changes }, list, never),
    remove: (confirmed = {}, changes = {}) =>
      deleteListed({ ...search, ...changes }, list, { ...confirmations, ...confirmed }, never),
  };
}
