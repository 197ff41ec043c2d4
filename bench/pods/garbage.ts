import { Readable } from "node:stream";
import { openDriver } from "../../src/artifacts/index.ts";
import type { S3Location } from "../../src/template/index.ts";
import { TransferSession } from "../../src/transfer/index.ts";

interface GcTaskObject {
  readonly metadata: { readonly name: string };
}

const label = "4711";

function location(endpoint: string): S3Location {
  return {
    endpoint,
    bucket: "my-bucket",
    region: "us-east-1",
    insecure: true,
    accessKeySecret: { name: "my-minio-cred", key: "accesskey" },
    secretKeySecret: { name: "my-minio-cred", key: "secretkey" },
  };
}

/** Stores `count` small objects and returns the tasks that name them, `taskSize` artifacts each. */
export async function createGarbage(
  endpoint: string,
  endpointInTask: string,
  count: number,
  taskSize: number,
): Promise<readonly GcTaskObject[]> {
  const secrets: Record<string, string> = { accesskey: "admin", secretkey: "password" };
  const nothing = () => {};
  const retry = { attempts: 5, durationMs: 1000, factor: 1.6, jitter: 0.5 };
  await using driver = await openDriver(
    { s3: location(endpoint) },
    {
      readSecret: async ({ key = "" }) => Buffer.from(secrets[key] ?? ""),
      transfers: new TransferSession({ retry, memoryBytes: 64 << 20 }),
      settings: {
        retry,
        uploadThreads: 4,
        partSizeBytes: undefined,
        transientPattern: undefined,
        caPem: undefined,
        identityVariables: {},
        proxy: { httpProxy: undefined, httpsProxy: undefined, noProxy: undefined },
      },
      log: { debug: nothing, info: nothing, warn: nothing },
    },
  );
  const body = Buffer.from("garbage");
  const tree = {
    async *files() {
      for (let index = 0; index < count; index++) {
        const open = () => Readable.from([body]);
        yield {
          path: `f${index}.tgz`,
          content: { name: "f", sizeBytes: body.length, replayable: true, open },
        };
      }
    },
  };
  await driver.saveTree(
    { name: "garbage", s3: { ...location(endpoint), key: "garbage" } },
    tree,
    new AbortController().signal,
  );
  return Array.from({ length: Math.ceil(count / taskSize) }, (_, task) => ({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "WorkflowArtifactGCTask",
    metadata: {
      name: `bench-gc-${task}`,
      namespace: "argo",
      labels: { "workflows.argoproj.io/artifact-gc-pod": label },
    },
    spec: {
      artifactsByNode: {
        "bench-node": {
          archiveLocation: { s3: { ...location(endpointInTask), key: "x" } },
          artifacts: Object.fromEntries(
            Array.from({ length: taskSize }, (_, index) => {
              const name = `f${task * taskSize + index}`;
              return [name, { name, path: `/tmp/${name}`, s3: { key: `garbage/${name}.tgz` } }];
            }),
          ),
        },
      },
    },
  }));
}

/** The pod as the controller makes it (docs/contract/roles.md#4.1): 64Mi, 100m, nothing writable. */
export function garbagePod(name: string, image: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "argo" },
    spec: {
      restartPolicy: "Never",
      securityContext: { runAsUser: 8737, runAsNonRoot: true },
      volumes: [{ name: "my-minio-cred", secret: { secretName: "my-minio-cred" } }],
      containers: [
        {
          name: "main",
          image,
          imagePullPolicy: "IfNotPresent",
          args: ["artifact", "delete", "--loglevel", "info", "--log-format", "text", "--gloglevel", "0"],
          env: [
            { name: "ARGO_POD_NAME", value: name },
            { name: "ARGO_TEMPLATE", value: "{}" },
            { name: "ARGO_DEADLINE", value: "2030-01-01T00:00:00Z" },
            { name: "ARGO_ARTIFACT_POD_NAME", value: label },
          ],
          resources: { limits: { cpu: "100m", memory: "64Mi" }, requests: { cpu: "50m", memory: "32Mi" } },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
            readOnlyRootFilesystem: true,
            runAsNonRoot: true,
            runAsUser: 8737,
          },
          volumeMounts: [{ name: "my-minio-cred", mountPath: "/argo/secret/my-minio-cred", readOnly: true }],
        },
      ],
    },
  };
}
