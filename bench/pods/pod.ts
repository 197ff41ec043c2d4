import type { Template } from "../../src/template/index.ts";
import type { Cluster } from "../../test/cluster/cluster.ts";

export interface PodOptions {
  readonly name: string;
  /** Of the workflow object named `bench`. */
  readonly workflowUid: string;
  readonly image: string;
  readonly template: Template;
  /** `host:port` of the S3 server. */
  readonly endpoint: string;
  readonly memoryLimit: string | undefined;
}

/** A pod of the legacy layout as a controller makes it (docs/contract/pod.md#4.4 A), for a container template. */
export function workflowPod({
  name,
  workflowUid,
  image,
  template,
  endpoint,
  memoryLimit,
}: PodOptions): object {
  const s3 = {
    endpoint,
    bucket: "my-bucket",
    region: "us-east-1",
    insecure: true,
    accessKeySecret: { name: "my-minio-cred", key: "accesskey" },
    secretKeySecret: { name: "my-minio-cred", key: "secretkey" },
    key: `bench/${name}`,
  };
  const complete = { inputs: {}, outputs: {}, ...template, archiveLocation: { archiveLogs: false, s3 } };
  const inputs = template.inputs?.artifacts ?? [];
  const env = [
    { name: "ARGO_POD_NAME", value: name },
    { name: "ARGO_WORKFLOW_NAME", value: "bench" },
    { name: "ARGO_WORKFLOW_UID", value: workflowUid },
    { name: "ARGO_NODE_ID", value: name },
    { name: "ARGO_INCLUDE_SCRIPT_OUTPUT", value: "false" },
    { name: "ARGO_DEADLINE", value: "0001-01-01T00:00:00Z" },
  ];
  const own = (container: string) => [...env, { name: "ARGO_CONTAINER_NAME", value: container }];
  const resources = memoryLimit ? { limits: { memory: memoryLimit } } : {};
  const argo = { name: "var-run-argo", mountPath: "/var/run/argo" };
  const secret = { name: "my-minio-cred", mountPath: "/argo/secret/my-minio-cred", readOnly: true };
  const log = ["--loglevel", "info", "--log-format", "text", "--gloglevel", "0"];
  const inputMounts = (prefix: string) =>
    inputs.map((input) => ({
      name: "input-artifacts",
      mountPath: `${prefix}${input.path}`,
      subPath: input.name,
    }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "argo" },
    spec: {
      restartPolicy: "Never",
      volumes: [
        { name: "var-run-argo", emptyDir: {} },
        { name: "tmp-dir-argo", emptyDir: {} },
        { name: "input-artifacts", emptyDir: {} },
        { name: "my-minio-cred", secret: { secretName: "my-minio-cred" } },
      ],
      initContainers: [
        {
          name: "init",
          image,
          command: ["argoexec", "init", ...log],
          env: [...own("init"), { name: "ARGO_TEMPLATE", value: JSON.stringify(complete) }],
          resources,
          volumeMounts: [argo, secret, { name: "input-artifacts", mountPath: "/argo/inputs/artifacts" }],
        },
      ],
      containers: [
        {
          name: "wait",
          image,
          command: ["argoexec", "wait", ...log],
          env: own("wait"),
          resources,
          volumeMounts: [
            argo,
            secret,
            { name: "tmp-dir-argo", mountPath: "/tmp", subPath: "0" },
            ...inputMounts("/mainctrfs"),
          ],
        },
        {
          name: "main",
          image: "busybox",
          imagePullPolicy: "IfNotPresent",
          command: [
            "/var/run/argo/argoexec",
            "emissary",
            ...log,
            "--",
            ...(template.container?.command ?? []),
          ],
          env: own("main"),
          resources,
          volumeMounts: [argo, ...inputMounts("")],
        },
      ].map((container) => ({ imagePullPolicy: "IfNotPresent", ...container })),
    },
  };
}

/** At once, whether it is there or not. */
export async function removePod(cluster: Cluster, name: string): Promise<void> {
  const now = ["--ignore-not-found", "--grace-period=0", "--force"];
  await cluster.kubectl("delete", "pod", "-n", "argo", name, ...now);
}
