import { HttpClient } from "../../../http/index.ts";
import type { AzureLocation } from "../../../template/index.ts";
import type { ArtifactDriver, DriverContext, OpenStore } from "../../driver.ts";
import { ObjectDriver, type Phrases } from "../../object-driver.ts";
import { StoreRequests } from "../../store-requests.ts";
import { readAzureConfig } from "./config.ts";
import { openCredentials } from "./credentials.ts";
import { type AzureRequest, azureProtocol } from "./requests.ts";
import { AzureStore } from "./store.ts";

/** The words of docs/contract/artifacts.md#5.3. */
const phrases: Partial<Phrases> = {
  missing: "unable to download blob %: The specified blob does not exist. (BlobNotFound)",
  find: "unable to download blob %",
  testDirectory: "unable to determine if % is a directory",
  loadDirectory: "unable to download directory %",
  saveFile: "unable to upload file to Azure as %",
  saveTree: "unable to upload directory to Azure as %",
  list: "error listing blobs % in Azure Blob Storage container",
};

/** Azure Blob Storage, with and without hierarchical namespaces, on a client of our own (docs/contract/artifacts.md#5.3). */
export async function openAzureDriver(
  location: AzureLocation,
  context: DriverContext,
): Promise<ArtifactDriver> {
  const { settings, log } = context;
  const opened = await openAzureStore(location, context);
  const { store } = opened;
  return new ObjectDriver(store, context.transfers.channel(store.name, log), {
    threads: settings.uploadThreads,
    partBytes: settings.partSizeBytes,
    contentType: async () => "application/octet-stream",
    phrases,
    close: () => opened[Symbol.asyncDispose](),
  });
}

/** The container alone. Throws BadRequest for a location that is wrong. */
export async function openAzureStore(location: AzureLocation, context: DriverContext): Promise<OpenStore> {
  const { settings } = context;
  const config = readAzureConfig(location);
  const http = new HttpClient({ caPem: settings.caPem, proxy: settings.proxy });
  const protocol = azureProtocol(config, openCredentials(location, context, http));
  const requests = new StoreRequests<AzureRequest>(http, protocol, settings.transientPattern);
  return {
    store: new AzureStore(config, requests),
    async [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
    },
  };
}
