import {
  bucketLocation,
  createBucket,
  deleteBucket,
  deleteEncryption,
  getEncryption,
  headBucket,
  listBuckets,
  putEncryption,
} from "./buckets.ts";
import { copyObject } from "./copy.ts";
import { listObjects } from "./listing.ts";
import {
  abortUpload,
  completeUpload,
  copyUploadPart,
  createUpload,
  listParts,
  listUploads,
  uploadPart,
} from "./multipart.ts";
import { deleteObject, deleteObjects, putObject, readObject } from "./objects.ts";
import { notImplemented, Refusal } from "./refusal.ts";
import type { Operation, Reply } from "./request.ts";

type Handler = (operation: Operation) => Reply | Promise<Reply>;

/** By method and, where the query names one, the subresource. */
const bucketRoutes: Readonly<Record<string, Handler>> = {
  "GET ": listObjects,
  "HEAD ": headBucket,
  "PUT ": createBucket,
  "DELETE ": deleteBucket,
  "POST delete": deleteObjects,
  "GET location": bucketLocation,
  "GET uploads": listUploads,
  "GET encryption": getEncryption,
  "PUT encryption": putEncryption,
  "DELETE encryption": deleteEncryption,
};

const objectRoutes: Readonly<Record<string, Handler>> = {
  "GET ": readObject,
  "HEAD ": readObject,
  "PUT ": putObject,
  "DELETE ": deleteObject,
  "POST uploads": createUpload,
  "PUT uploadId": uploadPart,
  "POST uploadId": completeUpload,
  "DELETE uploadId": abortUpload,
  "GET uploadId": listParts,
};

/** Query parameters that make a request mean something else (S3 API reference). */
const subresources: readonly string[] = [
  ...["delete", "encryption", "location", "uploadId", "uploads"],
  ...[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
  ],
  ...[
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "publicAccessBlock",
    "replication",
  ],
  ...["requestPayment", "restore", "retention", "select", "tagging", "torrent", "versionId", "versioning"],
  ...["versions", "website"],
];

/** Does what a verified request asks for. Throws a Refusal; what this server does not know is NotImplemented. */
export async function perform(operation: Operation): Promise<Reply> {
  const { method, bucket, key, query } = operation;
  const subresource = subresources.find((name) => query.has(name)) ?? "";
  if (bucket === undefined) {
    if (method === "GET" || method === "HEAD") return listBuckets(operation);
    throw new Refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
  }
  if (operation.headers["x-amz-copy-source"] !== undefined) {
    if (method !== "PUT" || key === undefined) throw notImplemented("x-amz-copy-source");
    if (subresource === "uploadId") return copyUploadPart(operation);
    if (subresource !== "") throw notImplemented("x-amz-copy-source");
    return copyObject(operation);
  }
  const routes = key === undefined ? bucketRoutes : objectRoutes;
  const handler = routes[`${method} ${subresource}`];
  if (!handler) throw notImplemented(`${method}${subresource === "" ? "" : ` ?${subresource}`}`);
  return handler(operation);
}
