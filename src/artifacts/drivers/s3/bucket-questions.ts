import type { LifecycleRule, S3Client } from "@aws-sdk/client-s3";
import { ExecutorError, errorText } from "../../../errors/index.ts";
import type { HttpClient } from "../../../http/index.ts";
import type { BucketFacts, BucketQuestions, ExpiryRule, UnfinishedUpload } from "../../bucket-questions.ts";
import type { S3Config } from "./config.ts";
import type { CredentialSource } from "./credentials.ts";
import { bucketTarget } from "./endpoint.ts";
import { requestHandler } from "./sdk-handler.ts";

/** The bucket that questions are about. */
interface Asked {
  readonly config: S3Config;
  /** Where the bucket is, as far as that is known by now. */
  readonly region: () => string;
  readonly credentials: CredentialSource;
  readonly http: HttpClient;
}

type Sdk = typeof import("./vendor.ts");

/** Nothing of that kind is configured: the answer to some questions is an error. */
const noneCodes = [
  "NoSuchLifecycleConfiguration",
  "ObjectLockConfigurationNotFoundError",
  "NoSuchObjectLockConfiguration",
];

/** Questions about a bucket, by Amazon's own client over ours. It is loaded with the first question. */
export function s3BucketQuestions(asked: Asked): BucketQuestions {
  const Bucket = asked.config.bucket;
  let opened: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | undefined;
  const open = (signal: AbortSignal) => {
    opened ??= openClient(asked, signal);
    return opened;
  };
  return {
    async facts(signal) {
      const { sdk, client } = await open(signal);
      const options = { abortSignal: signal };
      const unknown: string[] = [];
      const answered = async <T>(what: string, question: () => Promise<T>): Promise<T | undefined> => {
        try {
          return await question();
        } catch (error) {
          signal.throwIfAborted();
          const { name = "" } = error as { readonly name?: string };
          if (!noneCodes.includes(name)) unknown.push(`${what}: ${name || errorText(error)}`);
          return undefined;
        }
      };
      const location = answered("location", () =>
        client.send(new sdk.GetBucketLocationCommand({ Bucket }), options),
      );
      const versioning = answered("versioning", () =>
        client.send(new sdk.GetBucketVersioningCommand({ Bucket }), options),
      );
      const lifecycle = answered("lifecycle", () =>
        client.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket }), options),
      );
      const lock = answered("object lock", () =>
        client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket }), options),
      );
      const { Mode, Days, Years } = (await lock)?.ObjectLockConfiguration?.Rule?.DefaultRetention ?? {};
      const place = await location;
      return {
        region: place === undefined ? undefined : (place.LocationConstraint ?? "us-east-1"),
        keepsVersions: (await versioning)?.Status === "Enabled",
        isLocking: (await lock)?.ObjectLockConfiguration?.ObjectLockEnabled === "Enabled",
        retention: Mode === undefined ? undefined : { mode: Mode, days: Days ?? (Years ?? 0) * 365 },
        expiries: ((await lifecycle)?.Rules ?? []).flatMap(expiryOf),
        unknown,
      } satisfies BucketFacts;
    },
    async *unfinishedUploads(prefix, signal) {
      const { sdk, client } = await open(signal);
      let at: { KeyMarker?: string; UploadIdMarker?: string } = {};
      for (;;) {
        const command = new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...at });
        const page = await send(
          client.send(command, { abortSignal: signal }),
          "list unfinished uploads",
          signal,
        );
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if (Key === undefined || UploadId === undefined || !Key.startsWith(prefix)) continue;
          yield { key: Key, id: UploadId, startedMs: Initiated?.getTime() };
        }
        const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
        if (page.IsTruncated !== true || KeyMarker === undefined) return;
        if (KeyMarker === at.KeyMarker && UploadIdMarker === at.UploadIdMarker) return;
        at = { KeyMarker, ...(UploadIdMarker === undefined ? {} : { UploadIdMarker }) };
      }
    },
    async abort({ key, id }: UnfinishedUpload, signal) {
      const { sdk, client } = await open(signal);
      const command = new sdk.AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: id });
      const sent = client.send(command, { abortSignal: signal });
      await send(sent, `abort the upload of ${JSON.stringify(key)}`, signal);
    },
  };
}

async function openClient(
  { config, region: regionNow, credentials, http }: Asked,
  signal: AbortSignal,
): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
  const sdk = await import("./vendor.ts");
  const { endpoint, bucket, addressingStyle } = config;
  const region = regionNow();
  // The same address as that of every other request.
  const { pathPrefix } = bucketTarget(endpoint, bucket, region, addressingStyle);
  const client = new sdk.S3Client({
    region,
    ...(endpoint.kind === "aws" ? {} : { endpoint: `${endpoint.scheme}://${endpoint.authority}` }),
    forcePathStyle: pathPrefix !== "",
    followRegionRedirects: true,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials.current(signal);
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    },
    requestHandler: requestHandler(http) as never,
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  return { sdk, client };
}

/** A rule that makes objects go; undefined prefix and tags: all of them. */
function expiryOf({ ID, Status, Expiration, Filter, Prefix }: LifecycleRule): readonly ExpiryRule[] {
  if (Status !== "Enabled" || Expiration === undefined) return [];
  if (Expiration.Days === undefined && Expiration.Date === undefined) return [];
  const prefix = Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? "";
  const when = Expiration.Days === undefined ? Expiration.Date?.toISOString() : `${Expiration.Days} days`;
  return [{ name: ID ?? "", prefix, when: when ?? "" }];
}

/** The SDK's errors as ours. */
async function send<T>(sent: Promise<T>, what: string, signal: AbortSignal): Promise<T> {
  try {
    return await sent;
  } catch (cause) {
    signal.throwIfAborted();
    const { $metadata: { httpStatusCode: status = 0 } = {} } = cause as {
      readonly $metadata?: { readonly httpStatusCode?: number };
    };
    const code =
      status === 403
        ? "Forbidden"
        : status === 404
          ? "NotFound"
          : status === 501
            ? "Unsupported"
            : "Transient";
    throw new ExecutorError(code, `${what}: ${errorText(cause)}`, { cause });
  }
}
