import type { TestContext } from "node:test";
import type { Artifact, S3Location } from "../../src/template/index.ts";
import {
  type Fault,
  type ObjectServer,
  type ObjectServerOptions,
  startObjectServer,
} from "../servers/object-server/index.ts";
import { surroundings, type TestSettings, type TestSurroundings, temporaryFolder } from "./surroundings.ts";

export interface S3UnderTest {
  readonly server: ObjectServer;
  readonly context: TestSurroundings;
  artifact(key: string, overrides?: Partial<S3Location>): Artifact;
}

export const secrets = { "keys/access": "access\n", "keys/secret": " secret\n" };

export interface S3TestOptions extends Partial<ObjectServerOptions> {
  readonly faults?: readonly Fault[];
  readonly settings?: TestSettings;
}

/** Our own S3 server with a bucket, and a location that leads there. */
export async function startS3(
  t: TestContext,
  { settings, ...options }: S3TestOptions = {},
): Promise<S3UnderTest> {
  const server = await startObjectServer({
    directory: await temporaryFolder(t),
    accessKey: "access",
    secretKey: "secret",
    ...options,
  });
  t.after(() => server[Symbol.asyncDispose]());
  server.createBucket("bucket");
  const context = surroundings(secrets, settings);
  return { server, context, artifact: (key, overrides) => s3Artifact(server.endpoint, key, overrides) };
}

export function s3Artifact(endpoint: string, key: string, overrides: Partial<S3Location> = {}): Artifact {
  return {
    name: "artifact",
    path: "/tmp/artifact",
    s3: {
      endpoint,
      bucket: "bucket",
      insecure: true,
      key,
      accessKeySecret: { name: "keys", key: "access" },
      secretKeySecret: { name: "keys", key: "secret" },
      ...overrides,
    },
  };
}
