import { HttpClient } from "../../../http/index.ts";
import type { OssLocation } from "../../../template/index.ts";
import { ContentTypes } from "../../content-type.ts";
import type { ArtifactDriver, DriverContext, OpenStore } from "../../driver.ts";
import { ObjectDriver } from "../../object-driver.ts";
import { StoreRequests } from "../../store-requests.ts";
import { ensureBucket } from "./bucket.ts";
import { readOssConfig } from "./config.ts";
import { openCredentials } from "./credentials.ts";
import { readLifecycle, setLifecycle } from "./lifecycle.ts";
import { type OssRequest, ossProtocol } from "./requests.ts";
import { OssStore } from "./store.ts";

/** Alibaba Cloud's Object Storage Service, on a client of our own (docs/contract/artifacts.md#5.4). */
export async function openOssDriver(location: OssLocation, context: DriverContext): Promise<ArtifactDriver> {
  const { settings, log } = context;
  const lifecycle = readLifecycle(location);
  const opened = await openOssStore(location, context);
  const { store, requests } = opened;
  const { bucket } = readOssConfig(location);
  const channel = context.transfers.channel(store.name, log);
  const contentTypes = new ContentTypes();
  let bucketIsThere = location.createBucketIfNotPresent !== true;
  return new ObjectDriver(store, channel, {
    threads: settings.uploadThreads,
    partBytes: settings.partSizeBytes,
    contentType: (name) => contentTypes.of(name),
    async prepareSaving(key, signal) {
      if (!bucketIsThere) await ensureBucket(bucket, requests, channel, signal);
      bucketIsThere = true;
      if (lifecycle !== undefined) await setLifecycle(key, lifecycle, requests, channel, signal);
    },
    close: () => opened[Symbol.asyncDispose](),
  });
}

interface OpenOssStore extends OpenStore {
  readonly requests: StoreRequests<OssRequest>;
}

/** The bucket alone. Throws BadRequest for a location that is wrong. */
export async function openOssStore(location: OssLocation, context: DriverContext): Promise<OpenOssStore> {
  const { settings } = context;
  const config = readOssConfig(location);
  const http = new HttpClient({ caPem: settings.caPem, proxy: settings.proxy });
  const protocol = ossProtocol(config, openCredentials(location, context, http));
  const requests = new StoreRequests<OssRequest>(http, protocol, settings.transientPattern);
  return {
    store: new OssStore(config, requests),
    requests,
    async [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
    },
  };
}
