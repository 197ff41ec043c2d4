import { ExecutorError } from "../errors/index.ts";
import type { ArtifactLocation } from "../template/index.ts";
import type { ArtifactDriver, DriverContext, OpenStore } from "./driver.ts";
import { withLogging } from "./logging.ts";

/** One kind of artifact store. */
interface Store {
  /** Loads the store's code, which nobody else does, and opens its driver. */
  open(location: ArtifactLocation, context: DriverContext): Promise<ArtifactDriver>;
  /** True where artifacts can be deleted (docs/contract/artifacts.md#1, E1). */
  readonly deletes: boolean;
  /** Opens the object store itself, where it is one. */
  openStore?(location: ArtifactLocation, context: DriverContext): Promise<OpenStore>;
}

/**
 * Every store by the name of its location; the first location that is present, in this order, chooses the driver
 * (docs/contract/artifacts.md#1). A new store is a folder below `drivers/` and an entry here.
 */
const stores = {
  s3: {
    deletes: true,
    async open({ s3 = {} }, context) {
      const { openS3Driver } = await import("./drivers/s3/driver.ts");
      return await openS3Driver(s3, context);
    },
    async openStore({ s3 = {} }, context) {
      const { openS3Store } = await import("./drivers/s3/driver.ts");
      return await openS3Store(s3, context);
    },
  },
  http: {
    deletes: false,
    async open({ http = {} }, context) {
      const { openHttpDriver } = await import("./drivers/http/driver.ts");
      return await openHttpDriver(http, context);
    },
  },
  git: {
    deletes: false,
    async open({ git = {} }, context) {
      const { openGitDriver } = await import("./drivers/git/driver.ts");
      return await openGitDriver(git, context);
    },
  },
  artifactory: {
    deletes: false,
    async open({ artifactory = {} }, context) {
      const { openArtifactoryDriver } = await import("./drivers/http/driver.ts");
      return await openArtifactoryDriver(artifactory, context);
    },
  },
  hdfs: {
    deletes: true,
    async open({ hdfs = {} }, context) {
      const { openHdfsDriver } = await import("./drivers/hdfs/driver.ts");
      return await openHdfsDriver(hdfs, context);
    },
    async openStore({ hdfs = {} }, context) {
      const { openHdfsStore } = await import("./drivers/hdfs/driver.ts");
      return await openHdfsStore(hdfs, context);
    },
  },
  raw: {
    deletes: false,
    async open({ raw = {} }) {
      const { openRawDriver } = await import("./drivers/raw/driver.ts");
      return openRawDriver(raw);
    },
  },
  oss: {
    deletes: true,
    async open({ oss = {} }, context) {
      const { openOssDriver } = await import("./drivers/oss/driver.ts");
      return await openOssDriver(oss, context);
    },
    async openStore({ oss = {} }, context) {
      const { openOssStore } = await import("./drivers/oss/driver.ts");
      return await openOssStore(oss, context);
    },
  },
  gcs: {
    deletes: true,
    async open({ gcs = {} }, context) {
      const { openGcsDriver } = await import("./drivers/gcs/driver.ts");
      return await openGcsDriver(gcs, context);
    },
    async openStore({ gcs = {} }, context) {
      const { openGcsStore } = await import("./drivers/gcs/driver.ts");
      return await openGcsStore(gcs, context);
    },
  },
  azure: {
    deletes: true,
    async open({ azure = {} }, context) {
      const { openAzureDriver } = await import("./drivers/azure/driver.ts");
      return await openAzureDriver(azure, context);
    },
    async openStore({ azure = {} }, context) {
      const { openAzureStore } = await import("./drivers/azure/driver.ts");
      return await openAzureStore(azure, context);
    },
  },
  plugin: {
    deletes: true,
    async open({ plugin = {} }, context) {
      const { openPluginDriver } = await import("./drivers/plugin/driver.ts");
      return openPluginDriver(plugin, context);
    },
  },
} as const satisfies Readonly<Record<string, Store>>;

type NamedLocation = ArtifactLocation & { readonly name?: string };

/**
 * Opens the driver of a (relocated) location. Only the code of that store is loaded. An artifact serves as its own location; its name is for messages.
 * @throws BadRequest where the location names no store or is wrong.
 */
export async function openDriver(location: NamedLocation, context: DriverContext): Promise<ArtifactDriver> {
  const store = storeOf(location);
  if (store === undefined) {
    throw new ExecutorError(
      "BadRequest",
      `Unsupported artifact driver for ${location.name ?? "the artifact"}`,
    );
  }
  return withLogging(await store.open(location, context), context.log);
}

/** False for locations in stores that delete nothing. One that names no store is an error of its own, later. */
export function canDelete(location: ArtifactLocation): boolean {
  return storeOf(location)?.deletes ?? true;
}

/**
 * Opens the object store that a location names, for those who move objects and not artifacts. Its `limits` and optional
 * methods say what it can do.
 * @throws Unsupported where it is no object store, BadRequest where the location names none or is wrong.
 */
export async function openStore(location: NamedLocation, context: DriverContext): Promise<OpenStore> {
  const type = Object.keys(stores).find((name) => location[name as keyof typeof stores] != null);
  const store: Store | undefined = storeOf(location);
  if (store?.openStore !== undefined) return await store.openStore(location, context);
  const kinds = Object.entries<Store>(stores).filter(([, { openStore: open }]) => open !== undefined);
  const names = kinds.map(([name]) => name).join(", ");
  throw new ExecutorError(
    type === undefined ? "BadRequest" : "Unsupported",
    `${type === undefined ? "the location names no store" : `${type} keeps no objects that can be listed`}: give one of ${names}`,
  );
}

function storeOf(location: ArtifactLocation): Store | undefined {
  for (const [type, store] of Object.entries(stores)) {
    const present = location[type as keyof typeof stores];
    if (present !== undefined && present !== null) return store;
  }
  return undefined;
}
