import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type KeyedData, shortTemporaryFolder } from "../../desk/kubelet/index.ts";
import { type ApiFault, type ApiServer, type RbacRule, startApiServer } from "../servers/api-server/index.ts";
import { accountKey } from "../servers/azurite.ts";
import { type ObjectServer, startObjectServer } from "../servers/object-server/index.ts";

export const temporary = shortTemporaryFolder(tmpdir());
/** The pod's service account has it. */
export const token = "the-pod";
export const bucket = "my-bucket";
const keys = { accessKey: "desk", secretKey: "desk-secret" };
/** By name and key, as the recorded pods and ours mount it. */
export const secrets: KeyedData = {
  "my-minio-cred": { accesskey: keys.accessKey, secretkey: keys.secretKey },
  "other-stores": { azure: accountKey, username: "desk", password: "desk-secret" },
};

export interface ServerOptions {
  /** What the pod's service account may do; everything, if left out. */
  readonly rules?: readonly RbacRule[];
  readonly apiFaults?: readonly ApiFault[];
}

/** Who runs what has to be done at the end: a test, or anything else that runs pods. */
export interface Cleanup {
  after(step: () => Promise<void>): void;
}

/** What is around the pods of a test. */
export interface Servers {
  readonly api: ApiServer;
  readonly store: ObjectServer;
  readonly s3: S3Client;
}

export async function startServers(t: Cleanup, options: ServerOptions = {}): Promise<Servers> {
  const { rules, apiFaults } = options;
  const api = await startApiServer({
    token,
    ...(rules ? { rules } : {}),
    ...(apiFaults ? { faults: apiFaults } : {}),
  });
  t.after(() => api[Symbol.asyncDispose]());
  return { api, ...(await startStore(t)) };
}

/** The store of a pod's artifacts, with its bucket, and a client of it. */
export async function startStore(t: Cleanup): Promise<Pick<Servers, "store" | "s3">> {
  const directory = await mkdtemp(join(temporary, "store-"));
  const store = await startObjectServer({ directory, ...keys });
  store.createBucket(bucket);
  const s3 = new S3Client({
    endpoint: store.url,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
  });
  t.after(async () => {
    s3.destroy();
    await store[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  return { store, s3 };
}

/** The repository's location, as templates have it. */
export function location(store: ObjectServer) {
  return {
    endpoint: store.endpoint,
    bucket,
    region: "us-east-1",
    insecure: true,
    accessKeySecret: { name: "my-minio-cred", key: "accesskey" },
    secretKeySecret: { name: "my-minio-cred", key: "secretkey" },
  };
}

export async function getObject({ s3 }: Pick<Servers, "s3">, key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

export async function putObject(
  { s3 }: Pick<Servers, "s3">,
  key: string,
  content: string | Buffer,
): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }));
}

export async function storedKeys({ s3 }: Pick<Servers, "s3">): Promise<readonly string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  return Contents.map(({ Key = "" }) => Key);
}
