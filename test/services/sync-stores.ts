import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { accountKey } from "../servers/azurite.ts";
import { startProgram } from "./programs.ts";

export const { OUTRIDER_MINIO: minio, OUTRIDER_VERSITYGW: versity, OUTRIDER_FAKE_GCS: fakeGcs } = process.env;
export const identity = { accessKeyId: "access-key", secretAccessKey: "secret-key" };
/** For `argoexec sync`. */
export const env = {
  AWS_ACCESS_KEY_ID: identity.accessKeyId,
  AWS_SECRET_ACCESS_KEY: identity.secretAccessKey,
  AZURE_STORAGE_KEY: accountKey,
};

export interface S3 {
  readonly endpoint: string;
  readonly client: S3Client;
  url(bucket: string, prefix?: string): string;
  makeBucket(name: string, more?: { readonly ObjectLockEnabledForBucket?: boolean }): Promise<void>;
}

function s3At(t: TestContext, endpoint: string): S3 {
  const client = new S3Client({
    endpoint: `http://${endpoint}`,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: identity,
  });
  t.after(() => client.destroy());
  return {
    endpoint,
    client,
    url: (bucket, prefix = "") => `s3://${bucket}/${prefix}?endpoint=http://${endpoint}`,
    async makeBucket(Bucket, more = {}) {
      await client.send(new CreateBucketCommand({ Bucket, ...more }));
    },
  };
}

export async function startMinio(t: TestContext): Promise<S3> {
  const folder = await temporaryFolder(t);
  const keys = { MINIO_ROOT_USER: "access-key", MINIO_ROOT_PASSWORD: "secret-key" };
  const server = await startProgram(
    minio ?? "",
    (endpoint) => ["server", folder, "--address", endpoint, "--quiet"],
    { env: keys },
  );
  t.after(() => server[Symbol.asyncDispose]());
  return s3At(t, server.endpoint);
}

export async function startVersity(t: TestContext): Promise<S3> {
  const folder = await temporaryFolder(t);
  const [data, meta] = [join(folder, "data"), join(folder, "meta")];
  await mkdir(data);
  await mkdir(meta);
  const keys = { ROOT_ACCESS_KEY: "access-key", ROOT_SECRET_KEY: "secret-key" };
  const args = (endpoint: string) => ["--port", endpoint, "posix", "--sidecar", meta, data];
  const server = await startProgram(versity ?? "", args, { env: keys });
  t.after(() => server[Symbol.asyncDispose]());
  return s3At(t, server.endpoint);
}
