import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import {
  type ObjectServer,
  type ObjectServerOptions,
  startObjectServer,
} from "../servers/object-server/index.ts";

export const credentials = { accessKey: "desk", secretKey: "desk-secret" };

/** A server on a folder of its own, with a bucket named `ml`; both are gone after the test. */
export async function objectServer(
  t: TestContext,
  options: Partial<ObjectServerOptions> = {},
): Promise<ObjectServer> {
  const directory = options.directory ?? (await temporaryFolder(t));
  const server = await startObjectServer({ ...credentials, ...options, directory });
  t.after(() => server[Symbol.asyncDispose]());
  server.createBucket("ml");
  return server;
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "object-server-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The public SDK, pointed at the server; it repeats nothing unless the test asks for it. */
export function objectClient(t: TestContext, server: ObjectServer, config: S3ClientConfig = {}): S3Client {
  const client = new S3Client({
    endpoint: server.url,
    region: "us-east-1",
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: credentials.accessKey, secretAccessKey: credentials.secretKey },
    ...config,
  });
  t.after(() => client.destroy());
  return client;
}
