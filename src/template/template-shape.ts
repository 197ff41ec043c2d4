import type { Shape } from "./shape.ts";

/**
 * Argo's data as the executor reads it: the fields it uses, by their JSON names, once for the check of documents and
 * for the types (`types.ts`). Everything else that a template holds passes through unchanged (the objects are kept as
 * parsed), because outputs are reported with all their fields. Source: the CRD of Argo Workflows 3.5 to 4.1;
 * docs/contract/pod.md#7.1, docs/contract/artifacts.md#2.1 and #5.
 */

export const selectorShape = {
  fields: { name: "text", key: "text", optional: "flag" },
} as const satisfies Shape;
const selector = selectorShape;

export const s3Shape = {
  fields: {
    endpoint: "text",
    bucket: "text",
    key: "text",
    region: "text",
    // True: http. Absent or false: https.
    insecure: "flag",
    accessKeySecret: selector,
    secretKeySecret: selector,
    sessionTokenSecret: selector,
    roleARN: "text",
    useSDKCreds: "flag",
    createBucketIfNotPresent: { fields: { objectLocking: "flag" } },
    encryptionOptions: {
      fields: {
        enableEncryption: "flag",
        kmsKeyId: "text",
        kmsEncryptionContext: "text",
        serverSideCustomerKeySecret: selector,
      },
    },
    caSecret: selector,
    addressingStyle: "text",
  },
} as const satisfies Shape;

export const httpShape = {
  fields: {
    url: "text",
    headers: { listOf: { fields: { name: "text", value: "text" } } },
    auth: {
      fields: {
        basicAuth: { fields: { usernameSecret: selector, passwordSecret: selector } },
        oauth2: {
          fields: {
            clientIDSecret: selector,
            clientSecretSecret: selector,
            tokenURLSecret: selector,
            scopes: { listOf: "text" },
            endpointParams: { listOf: { fields: { key: "text", value: "text" } } },
          },
        },
        clientCert: { fields: { clientCertSecret: selector, clientKeySecret: selector } },
      },
    },
  },
} as const satisfies Shape;

export const artifactoryShape = {
  fields: { url: "text", usernameSecret: selector, passwordSecret: selector },
} as const satisfies Shape;

export const azureShape = {
  fields: {
    endpoint: "text",
    container: "text",
    blob: "text",
    accountKeySecret: selector,
    useSDKCreds: "flag",
  },
} as const satisfies Shape;

export const gcsShape = {
  fields: { bucket: "text", key: "text", serviceAccountKeySecret: selector },
} as const satisfies Shape;

export const gitShape = {
  fields: {
    repo: "text",
    revision: "text",
    depth: "number",
    fetch: { listOf: "text" },
    branch: "text",
    singleBranch: "flag",
    disableSubmodules: "flag",
    usernameSecret: selector,
    passwordSecret: selector,
    sshPrivateKeySecret: selector,
    insecureIgnoreHostKey: "flag",
    insecureSkipTLS: "flag",
  },
} as const satisfies Shape;

export const hdfsShape = {
  fields: {
    addresses: { listOf: "text" },
    path: "text",
    force: "flag",
    hdfsUser: "text",
    krbCCacheSecret: selector,
    krbKeytabSecret: selector,
    krbUsername: "text",
    krbRealm: "text",
    krbConfigConfigMap: selector,
    krbServicePrincipalName: "text",
    dataTransferProtection: "text",
  },
} as const satisfies Shape;

export const ossShape = {
  fields: {
    // Host or URL; without a scheme it is http.
    endpoint: "text",
    bucket: "text",
    key: "text",
    accessKeySecret: selector,
    secretKeySecret: selector,
    // The token itself, not a selector.
    securityToken: "text",
    useSDKCreds: "flag",
    createBucketIfNotPresent: "flag",
    lifecycleRule: { fields: { markInfrequentAccessAfterDays: "number", markDeletionAfterDays: "number" } },
  },
} as const satisfies Shape;

export const pluginShape = {
  fields: { name: "text", configuration: "text", connectionTimeoutSeconds: "number", key: "text" },
} as const satisfies Shape;

export const rawShape = { fields: { data: "text" } } as const satisfies Shape;

const location = {
  archiveLogs: "flag",
  artifactory: artifactoryShape,
  azure: azureShape,
  gcs: gcsShape,
  git: gitShape,
  hdfs: hdfsShape,
  http: httpShape,
  oss: ossShape,
  plugin: pluginShape,
  raw: rawShape,
  s3: s3Shape,
} as const satisfies Readonly<Record<string, Shape>>;

/**
 * At most one of the types; where several are present, the first in `locationTypes` counts (docs/contract/pod.md#7.2).
 */
export const locationShape = { fields: location } as const satisfies Shape;

const artifactFields = {
  ...location,
  name: "text",
  path: "text",
  // Permission bits as a number: 0755 arrives as 493. Inputs only.
  mode: "number",
  recurseMode: "flag",
  optional: "flag",
  archive: { fields: { none: "object", zip: "object", tar: { fields: { compressionLevel: "number" } } } },
  globalName: "text",
} as const satisfies Readonly<Record<string, Shape>>;

export const artifactShape = { fields: artifactFields, required: ["name"] } as const satisfies Shape;

export const parameterShape = {
  fields: {
    name: "text",
    value: "scalar",
    default: "scalar",
    // Of resource templates: where the value is in the object.
    valueFrom: {
      fields: {
        path: "text",
        jsonPath: "text",
        jqFilter: "text",
        configMapKeyRef: selector,
        default: "scalar",
      },
    },
    globalName: "text",
  },
  required: ["name"],
} as const satisfies Shape;

const mounts = {
  listOf: { fields: { name: "text", mountPath: "text" }, required: ["name", "mountPath"] },
} as const satisfies Shape;

const containerFields = {
  name: "text",
  image: "text",
  command: { listOf: "text" },
  args: { listOf: "text" },
  workingDir: "text",
  env: { listOf: { fields: { name: "text", value: "text" }, required: ["name"] } },
  volumeMounts: mounts,
  // Kubernetes quantities by resource: "1Gi", "500M", 1000000.
  resources: { fields: { limits: { mapOf: "scalar" } } },
} as const satisfies Readonly<Record<string, Shape>>;

export const containerShape = { fields: containerFields } as const satisfies Shape;

const others = { listOf: { fields: containerFields, required: ["name"] } } as const satisfies Shape;

export const containerNodeShape = {
  fields: { ...containerFields, dependencies: { listOf: "text" } },
  required: ["name"],
} as const satisfies Shape;

export const outputsShape = {
  fields: {
    parameters: { listOf: parameterShape },
    artifacts: { listOf: artifactShape },
    result: "text",
    exitCode: "text",
  },
} as const satisfies Shape;

/** What kubectl is to do (docs/contract/roles.md#2.2). */
export const resourceShape = {
  fields: {
    action: "text",
    mergeStrategy: "text",
    manifest: "text",
    manifestFrom: { fields: { artifact: { fields: { name: "text" } } } },
    setOwnerReference: "flag",
    successCondition: "text",
    failureCondition: "text",
    flags: { listOf: "text" },
  },
} as const satisfies Shape;

/** Where a list of keys comes from, and what becomes of it (docs/contract/roles.md#3). */
export const dataShape = {
  fields: {
    source: { fields: { artifactPaths: { fields: artifactFields } } },
    transformation: { listOf: { fields: { expression: "text" } } },
  },
} as const satisfies Shape;

/** The fields of a template that the executor reads (docs/contract/pod.md#7.1). */
export const templateShape = {
  fields: {
    name: "text",
    inputs: { fields: { parameters: { listOf: parameterShape }, artifacts: { listOf: artifactShape } } },
    outputs: outputsShape,
    container: containerShape,
    script: { fields: { ...containerFields, source: "text" } },
    containerSet: {
      fields: {
        containers: { listOf: containerNodeShape },
        volumeMounts: mounts,
        retryStrategy: { fields: { duration: "text", retries: "scalar" } },
      },
      required: ["containers"],
    },
    resource: resourceShape,
    data: dataShape,
    http: "any",
    plugin: "any",
    steps: "any",
    dag: "any",
    suspend: "any",
    sidecars: others,
    initContainers: others,
    archiveLocation: locationShape,
  },
} as const satisfies Shape;
