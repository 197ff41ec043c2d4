import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import type { ArtifactLocation } from "../src/template/index.ts";
import { ApiServer } from "./api-server/index.ts";
import type { KeyedData } from "./kubelet/index.ts";
import { ObjectServer } from "./object-server/index.ts";
import { makeStoreFolder } from "./store-folder.ts";

/** Where a run keeps its artifacts, and the secrets that open it. */
export interface Repository {
  readonly location: ArtifactLocation;
  readonly secrets: KeyedData;
}

/** What a cluster would have around a pod. */
export interface DeskServers extends AsyncDisposable {
  readonly api: ApiServer;
  /** Flags with which executor containers find the API server. */
  readonly apiFlags: readonly string[];
  readonly repository: Repository;
}

const secretName = "desk-artifacts";
const bucket = "artifacts";

/**
 * Starts an API server, and an artifact store unless one is given, on loopback and with secrets of their own.
 * @param temporary where the store's files lie until the end
 */
export async function startDeskServers(
  temporary: string,
  namespace: string,
  given: Repository | undefined,
): Promise<DeskServers> {
  await using stack = new AsyncDisposableStack();
  const token = randomBytes(16).toString("hex");
  const api = stack.use(await ApiServer.start({ token }));
  const repository = given ?? (await startStore(stack, temporary));
  const kept = stack.move();
  return {
    api,
    apiFlags: ["--server", api.url, "--token", token, "--namespace", namespace],
    repository,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function startStore(stack: AsyncDisposableStack, temporary: string): Promise<Repository> {
  const directory = await makeStoreFolder(temporary);
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const accessKeyId = "desk";
  const secretAccessKey = randomBytes(20).toString("hex");
  const server = stack.use(
    await ObjectServer.start({ directory, accessKey: accessKeyId, secretKey: secretAccessKey }),
  );
  server.createBucket(bucket);
  return s3Repository({
    endpoint: server.endpoint,
    bucket,
    isInsecure: true,
    credentials: { accessKeyId, secretAccessKey },
  });
}

/** A repository in S3, with static credentials or those that the AWS SDK finds. */
export function s3Repository(settings: {
  /** `HOST:PORT`. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly isInsecure: boolean;
  readonly credentials:
    | {
        readonly accessKeyId: string;
        readonly secretAccessKey: string;
        readonly sessionToken?: string | undefined;
      }
    | undefined;
}): Repository {
  const { endpoint, bucket: name, isInsecure, credentials } = settings;
  const base = { endpoint, bucket: name, insecure: isInsecure };
  if (!credentials) return { location: { s3: { ...base, useSDKCreds: true } }, secrets: {} };
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return {
    location: {
      s3: {
        ...base,
        accessKeySecret: { name: secretName, key: "accesskey" },
        secretKeySecret: { name: secretName, key: "secretkey" },
        ...(sessionToken ? { sessionTokenSecret: { name: secretName, key: "sessiontoken" } } : {}),
      },
    },
    secrets: {
      [secretName]: {
        accesskey: accessKeyId,
        secretkey: secretAccessKey,
        ...(sessionToken ? { sessiontoken: sessionToken } : {}),
      },
    },
  };
}
