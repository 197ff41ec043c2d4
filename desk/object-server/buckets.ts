import { Refusal } from "./refusal.ts";
import { type Operation, type Reply, readText, requireBucket } from "./request.ts";
import { element, xmlDocument } from "./xml.ts";

export function listBuckets({ store }: Operation): Reply {
  const buckets = [...store.buckets.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, createdMs }) => {
      const created = element("CreationDate", new Date(createdMs).toISOString());
      return `<Bucket>${element("Name", name)}${created}</Bucket>`;
    });
  const owner = `<Owner>${element("ID", "local")}${element("DisplayName", "local")}</Owner>`;
  const body = xmlDocument("ListAllMyBucketsResult", `${owner}<Buckets>${buckets.join("")}</Buckets>`);
  return { status: 200, body };
}

export async function createBucket(operation: Operation): Promise<Reply> {
  const { bucket: name = "", store, nowMs } = operation;
  await readText(operation);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) || name.includes("..")) {
    throw new Refusal(400, "InvalidBucketName", "The specified bucket is not valid.", { BucketName: name });
  }
  if (store.buckets.has(name)) {
    const message = "Your previous request to create the named bucket succeeded and you already own it.";
    throw new Refusal(409, "BucketAlreadyOwnedByYou", message, { BucketName: name });
  }
  store.createBucket(name, nowMs);
  return { status: 200, headers: { location: `/${name}` } };
}

export function headBucket(operation: Operation): Reply {
  requireBucket(operation);
  return { status: 200, headers: { "x-amz-bucket-region": operation.region } };
}

export function deleteBucket(operation: Operation): Reply {
  operation.store.dropBucket(requireBucket(operation));
  return { status: 204 };
}

/** The default region answers with an empty element, as S3 has done ever since. */
export function bucketLocation(operation: Operation): Reply {
  requireBucket(operation);
  const location = operation.region === "us-east-1" ? "" : operation.region;
  return { status: 200, body: xmlDocument("LocationConstraint", location) };
}

export async function putEncryption(operation: Operation): Promise<Reply> {
  const bucket = requireBucket(operation);
  operation.store.setEncryption(bucket, (await readText(operation)).toString("utf8"));
  return { status: 200 };
}

export function getEncryption(operation: Operation): Reply {
  const { name, encryption } = requireBucket(operation);
  if (encryption !== undefined) return { status: 200, body: encryption };
  throw new Refusal(
    404,
    "ServerSideEncryptionConfigurationNotFoundError",
    "The server side encryption configuration was not found",
    { BucketName: name },
  );
}

export function deleteEncryption(operation: Operation): Reply {
  operation.store.setEncryption(requireBucket(operation), undefined);
  return { status: 204 };
}
