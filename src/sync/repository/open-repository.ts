import { readFile, stat } from "node:fs/promises";
import { type DriverLog, type DriverSettings, openStore } from "../../artifacts/index.ts";
import { ExecutorError, errorText } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import { type ArtifactLocation, bucketOf, getKey, locationType } from "../../template/index.ts";
import type { TransferSession } from "../../transfer/index.ts";
import { FolderStore } from "./folder-store.ts";
import { type Pace, paced } from "./paced-store.ts";
import { type Repository, StoreRepository } from "./repository.ts";
import { type ConfiguredPlace, parseRepositoryConfig } from "./repository-config.ts";
import { isRepositoryUrl, parseRepositoryUrl } from "./repository-url.ts";
import { environmentSecret, findConfigMap, findSecret } from "./secrets.ts";

/** What one side of a sync may use of its surroundings. */
export interface RepositorySurroundings {
  readonly settings: DriverSettings;
  /** The process's, so that both sides share its memory, and one lane where they are one store. */
  readonly transfers: TransferSession;
  readonly log: DriverLog;
  /** Variables of the environment as this side sees them. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Those of them that hold keys, by the type of a location and the field that takes the key. */
  readonly keyVariables: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Who asks in HDFS, where the location names nobody. */
  readonly hadoopUser: string | undefined;
  /** Folders with secrets as files NAME/KEY. */
  readonly secretFolders: readonly string[];
  /** Connects to the cluster, the same client each time; undefined: there is none. */
  readonly openKube: (() => Promise<KubeClient>) | undefined;
  /** False where the folders have all secrets that may be used. */
  readonly asksClusterForSecrets: boolean;
  /** Limits that the user set; shared where both sides are to share them. */
  readonly pace: Pace;
  readonly temporaryFolder: string;
}

/**
 * Opens `configmap/NAME[#KEY]` of the cluster, a URL, or a file with the controller's configuration (`FILE[#KEY]`).
 * @throws BadRequest for what names no repository, Unsupported for a store that cannot be listed
 */
export async function openRepository(
  text: string,
  surroundings: RepositorySurroundings,
  signal: AbortSignal,
): Promise<Repository> {
  const place = await findPlace(text, surroundings, signal);
  if (place.location === undefined) return await openFolder(place.folder ?? "", surroundings);
  const location = withEnvironment(place, surroundings);
  const { log, pace, temporaryFolder, transfers } = surroundings;
  const settings = sideSettings(surroundings, place.emulator);
  const sources = {
    given: new Map([...place.secrets, ...environmentValues(surroundings)]),
    folders: surroundings.secretFolders,
    openKube: surroundings.asksClusterForSecrets ? surroundings.openKube : undefined,
  };
  const opened = await openStore(location, {
    readSecret: (selector) => findSecret(selector, sources, signal),
    readConfigMap: (selector, during) => findConfigMap(selector, sources, place.configMaps, during),
    settings,
    transfers,
    log,
  });
  const store = paced(opened.store, pace);
  return new StoreRepository({
    name: nameOf(location, place.prefix),
    location,
    prefix: place.prefix,
    keyFormat: place.keyFormat,
    store,
    channel: transfers.channel(store.name, log),
    temporaryFolder,
    openQuestions: opened.openQuestions?.bind(opened),
    close: () => opened[Symbol.asyncDispose](),
  });
}

async function findPlace(
  text: string,
  { openKube }: RepositorySurroundings,
  signal: AbortSignal,
): Promise<ConfiguredPlace> {
  if (isRepositoryUrl(text))
    return { ...parseRepositoryUrl(text), secrets: new Map(), configMaps: new Map() };
  const [, source = "", key] = /^(.*?)(?:#([^#]*))?$/s.exec(text) ?? [];
  const [, name] = /^(?:configmap|cm)\/([a-z0-9]([-.a-z0-9]*[a-z0-9])?)$/.exec(source) ?? [];
  if (name === undefined) return await parseRepositoryConfig(await readText(source), source, key);
  if (openKube === undefined) {
    throw new ExecutorError("BadRequest", `${text} is in a cluster, and there is no connection to one`);
  }
  const kube = await openKube();
  const path = `/api/v1/namespaces/${encodeURIComponent(kube.namespace)}/configmaps/${encodeURIComponent(name)}`;
  const map = await kube.request<Readonly<Record<string, unknown>>>({ method: "GET", path }, signal);
  return await parseRepositoryConfig(JSON.stringify({ ...map, kind: "ConfigMap" }), source, key);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new ExecutorError(
      "BadRequest",
      `${path} cannot be read: ${errorText(cause)}; a repository is a file, configmap/NAME, or a URL such as s3://bucket/prefix`,
      { cause },
    );
  }
}

/** A folder that is not there is no empty one: it is misspelled, or not mounted. */
async function openFolder(folder: string, surroundings: RepositorySurroundings): Promise<Repository> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new ExecutorError(
      "BadRequest",
      `there is no folder ${folder}; make it, or mount what should be there`,
    );
  }
  const store = paced(new FolderStore(folder), surroundings.pace);
  return new StoreRepository({
    name: `file://${folder}`,
    location: undefined,
    prefix: "",
    store,
    channel: surroundings.transfers.channel(store.name, surroundings.log),
    temporaryFolder: surroundings.temporaryFolder,
    close: async () => {},
  });
}

/** A URL names no secrets: the environment's keys serve, or else the identity that the vendor's own tools would find. */
function withEnvironment(
  place: ConfiguredPlace,
  { variables, keyVariables, hadoopUser }: RepositorySurroundings,
): ArtifactLocation {
  const location = place.location ?? {};
  const type = locationType(location) ?? "s3";
  if (type === "hdfs") return withHadoopUser(location, hadoopUser);
  if (place.hasSecrets) return location;
  const selectors = Object.entries(keyVariables[type] ?? {}).filter(([, name]) => Boolean(variables[name]));
  const fields =
    selectors.length === 0
      ? { useSDKCreds: true }
      : Object.fromEntries(selectors.map(([field, key]) => [field, { name: environmentSecret, key }]));
  return { ...location, [type]: { ...(location[type] as object), ...fields } };
}

/** Who asks, as Hadoop's own tools are told: a name that is believed, where no Kerberos proves another. */
function withHadoopUser({ hdfs = {} }: ArtifactLocation, user: string | undefined): ArtifactLocation {
  const hasIdentity = hdfs.hdfsUser || hdfs.krbKeytabSecret || hdfs.krbCCacheSecret;
  if (hasIdentity) return { hdfs };
  if (user) return { hdfs: { ...hdfs, hdfsUser: user } };
  const text =
    "HDFS asks who you are: give hdfsUser=NAME, krbKeytabSecret or krbCCacheSecret in the location";
  throw new ExecutorError("BadRequest", `${text}, or HADOOP_USER_NAME in the environment`);
}

function environmentValues({ variables, keyVariables }: RepositorySurroundings): [string, Uint8Array][] {
  return Object.values(keyVariables)
    .flatMap((fields) => Object.values(fields))
    .flatMap((name): [string, Uint8Array][] =>
      variables[name] ? [[`${environmentSecret}/${name}`, Buffer.from(variables[name])]] : [],
    );
}

/** Each side has identities of its own. */
function sideSettings(
  { settings, variables }: RepositorySurroundings,
  emulator: string | undefined,
): DriverSettings {
  const names = Object.keys({ ...settings.identityVariables, ...variables }).filter(
    (name) =>
      name in settings.identityVariables ||
      /^(GOOGLE_|AZURE_|ALIBABA_CLOUD_|STORAGE_EMULATOR_HOST$)/.test(name),
  );
  const identityVariables = Object.fromEntries(names.map((name) => [name, variables[name]]));
  return {
    ...settings,
    identityVariables: {
      ...identityVariables,
      ...(emulator === undefined ? {} : { STORAGE_EMULATOR_HOST: emulator }),
    },
  };
}

function nameOf(location: ArtifactLocation, prefix: string): string {
  const type = locationType(location);
  if (type === "hdfs") {
    const hosts = location.hdfs?.addresses?.map((address) => address.replace(/^https?:\/\//, "")) ?? [];
    return `hdfs://${hosts.join(",")}${prefix}`;
  }
  const key = type === undefined ? "" : getKey({ [type]: location[type] } as ArtifactLocation);
  const bucket = bucketOf(location) ?? "";
  const scheme = type === "gcs" ? "gs" : type;
  return `${scheme}://${bucket}/${prefix}${key}`;
}
