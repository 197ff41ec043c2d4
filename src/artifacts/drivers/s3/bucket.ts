import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { payloadOf } from "../../../http/index.ts";
import type { S3Location } from "../../../template/index.ts";
import type { Channel } from "../../../transfer/index.ts";
import { contentMd5 } from "../../digests.ts";
import type { StoreRequests } from "../../store-requests.ts";
import { encodeXml, namespace } from "../../xml.ts";
import type { S3Request } from "./requests.ts";

/**
 * Makes the bucket if it is not there (docs/contract/artifacts.md#5.1, Bucket creation). It is looked up first: an identity
 * that may write but not create buckets saves as usual (docs/contract/artifacts.md#D-15).
 */
export async function ensureBucket(
  location: S3Location,
  { requests, region }: { readonly requests: StoreRequests<S3Request>; readonly region: () => string },
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const send = async (request: S3Request) => {
    await (await channel.request(() => requests.send(request, signal), signal)).text();
  };
  try {
    await send({ method: "HEAD" });
    return;
  } catch (error) {
    // Forbidden: it is there, or somebody else's; the save will tell.
    if (isExecutorError(error, "Forbidden")) return;
    if (!isExecutorError(error, "NotFound", "BadRequest")) throw error;
  }
  try {
    await send(await creation(location, region()));
    if (location.encryptionOptions?.enableEncryption === true) await send(await defaultEncryption(location));
  } catch (error) {
    // Somebody was faster.
    if (isExecutorError(error, "Conflict")) return;
    throw ExecutorError.wrap(error, `failed to create bucket ${location.bucket}`);
  }
}

async function creation(location: S3Location, region: string): Promise<S3Request> {
  const lock: Record<string, string> =
    location.createBucketIfNotPresent?.objectLocking === true
      ? { "x-amz-bucket-object-lock-enabled": "true" }
      : {};
  if (region === "us-east-1") return { method: "PUT", headers: lock };
  const xml = `<CreateBucketConfiguration xmlns="${namespace}"><LocationConstraint>${encodeXml(region)}</LocationConstraint></CreateBucketConfiguration>`;
  return { method: "PUT", headers: lock, payload: payloadOf(Buffer.from(xml)) };
}

async function defaultEncryption(location: S3Location): Promise<S3Request> {
  const kmsKeyId = location.encryptionOptions?.kmsKeyId ?? "";
  const rule =
    kmsKeyId === ""
      ? "<SSEAlgorithm>AES256</SSEAlgorithm>"
      : `<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>${encodeXml(kmsKeyId)}</KMSMasterKeyID>`;
  const xml = `<ServerSideEncryptionConfiguration xmlns="${namespace}"><Rule><ApplyServerSideEncryptionByDefault>${rule}</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`;
  const payload = payloadOf(Buffer.from(xml));
  const headers = { "content-md5": await contentMd5(payload), "content-type": "application/xml" };
  return { method: "PUT", query: { encryption: "" }, headers, payload };
}
