import { ExecutorError } from "../../../errors/index.ts";
import { HttpClient } from "../../../http/index.ts";
import type { S3Location } from "../../../template/index.ts";
import { ContentTypes } from "../../content-type.ts";
import type { ArtifactDriver, DriverContext, OpenStore } from "../../driver.ts";
import { ObjectDriver } from "../../object-driver.ts";
import { StoreRequests } from "../../store-requests.ts";
import { ensureBucket } from "./bucket.ts";
import { readS3Config } from "./config.ts";
import { openCredentials } from "./credentials.ts";
import { openEncryption } from "./encryption.ts";
import { S3Protocol, type S3Request } from "./requests.ts";
import { S3Store } from "./store.ts";

const remedies = {
  Untrusted: "add the issuing CA with the location's caSecret, or with SSL_CERT_FILE on the executor",
  PlainHttp: "set insecure: true if the store speaks plain http",
};

/** Any store that speaks S3, on a client of our own (docs/contract/artifacts.md#5.1). */
export async function openS3Driver(location: S3Location, context: DriverContext): Promise<ArtifactDriver> {
  const { settings, log } = context;
  const opened = await openS3Store(location, context);
  const { store } = opened;
  const channel = context.transfers.channel(store.name, log);
  const contentTypes = new ContentTypes();
  let bucketIsThere = location.createBucketIfNotPresent === undefined;
  return new ObjectDriver(store, channel, {
    threads: settings.uploadThreads,
    partBytes: settings.partSizeBytes,
    contentType: (name) => contentTypes.of(name),
    async prepareSaving(_key, signal) {
      if (!bucketIsThere) await ensureBucket(location, opened, channel, signal);
      bucketIsThere = true;
    },
    close: () => opened[Symbol.asyncDispose](),
  });
}

export interface OpenS3Store extends OpenStore {
  readonly store: S3Store;
  readonly requests: StoreRequests<S3Request>;
  /** Where the bucket is, as far as that is known by now. */
  region(): string;
}

/** The bucket alone. Throws BadRequest for a location that is wrong, and for credentials that are not there. */
export async function openS3Store(location: S3Location, context: DriverContext): Promise<OpenS3Store> {
  const { settings } = context;
  const config = readS3Config(location);
  const encryption = await openEncryption(location, context);
  const http = new HttpClient({
    caPem: await trustedRoots(location, context),
    proxy: settings.proxy,
    remedies,
  });
  const credentials = openCredentials(location, context, http);
  await credentials.check();
  const protocol = new S3Protocol(config, http, credentials);
  const requests = new StoreRequests(http, protocol, settings.transientPattern);
  return {
    store: new S3Store(config, requests, encryption),
    requests,
    region: () => protocol.region,
    async openQuestions() {
      const { s3BucketQuestions } = await import("./bucket-questions.ts");
      return s3BucketQuestions({ config, region: () => protocol.region, credentials, http });
    },
    async [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
    },
  };
}

/** `caSecret` replaces all other roots (docs/contract/artifacts.md#5.1). */
async function trustedRoots({ caSecret }: S3Location, context: DriverContext): Promise<string | undefined> {
  if (caSecret?.name === undefined || caSecret.name === "") return context.settings.caPem;
  const pem = Buffer.from(await context.readSecret(caSecret)).toString();
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    // OpenSSL would trust nobody, and say so only with the first connection.
    const text = `the caSecret ${caSecret.name} (key ${caSecret.key}) holds no PEM certificate`;
    throw new ExecutorError("BadRequest", text);
  }
  return pem;
}
