import { HttpClient } from "../../../http/index.ts";
import { type GcsLocation, joinKey } from "../../../template/index.ts";
import { ContentTypes } from "../../content-type.ts";
import type { ArtifactDriver, DriverContext, OpenStore } from "../../driver.ts";
import { ObjectDriver, type Phrases } from "../../object-driver.ts";
import { StoreRequests } from "../../store-requests.ts";
import { readGcsConfig } from "./config.ts";
import { openCredentials } from "./credentials.ts";
import { type GcsRequest, gcsProtocol } from "./requests.ts";
import { GcsStore } from "./store.ts";

/** The words of docs/contract/artifacts.md#5.2 and 3.2. */
const phrases: Partial<Phrases> = {
  missing: "no results for key: %",
  saveFile: "upload %",
  saveTree: "upload %",
};

/** Google Cloud Storage, on a client of our own for its JSON API (docs/contract/artifacts.md#5.2). */
export async function openGcsDriver(location: GcsLocation, context: DriverContext): Promise<ArtifactDriver> {
  const { settings, log } = context;
  const opened = await openGcsStore(location, context);
  const { store } = opened;
  const contentTypes = new ContentTypes();
  return new ObjectDriver(store, context.transfers.channel(store.name, log), {
    threads: settings.uploadThreads,
    partBytes: settings.partSizeBytes,
    contentType: (name) => contentTypes.of(name),
    cleanKey,
    phrases,
    close: () => opened[Symbol.asyncDispose](),
  });
}

/** The bucket alone. Throws BadRequest for a location that is wrong. */
export async function openGcsStore(location: GcsLocation, context: DriverContext): Promise<OpenStore> {
  const { settings } = context;
  const config = readGcsConfig(location, settings.identityVariables);
  const http = new HttpClient({ caPem: settings.caPem, proxy: settings.proxy });
  const protocol = gcsProtocol(config, openCredentials(location, context, http, config.isEmulator));
  const requests = new StoreRequests<GcsRequest>(http, protocol, settings.transientPattern);
  return {
    store: new GcsStore(config, requests),
    async [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
    },
  };
}

/** Keys are cleaned there (docs/contract/artifacts.md#5.2): `a//b/` is stored as `a/b`. */
function cleanKey(key: string): string {
  return key === "" ? "" : joinKey(key);
}
