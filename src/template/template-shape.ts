import { ExecutorError } from "../errors/index.ts";
import { checkShape, type Shape } from "./shape.ts";
import type { Template } from "./types.ts";

const selector: Shape = { fields: { name: "text", key: "text" } };

const s3: Shape = {
  fields: {
    endpoint: "text",
    bucket: "text",
    key: "text",
    region: "text",
    insecure: "flag",
    accessKeySecret: selector,
    secretKeySecret: selector,
    sessionTokenSecret: selector,
    roleARN: "text",
    useSDKCreds: "flag",
    createBucketIfNotPresent: "object",
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
};

const http: Shape = {
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
};

const location: Readonly<Record<string, Shape>> = {
  archiveLogs: "flag",
  artifactory: { fields: { url: "text", usernameSecret: selector, passwordSecret: selector } },
  azure: { fields: { endpoint: "text", container: "text", blob: "text", accountKeySecret: selector } },
  gcs: { fields: { bucket: "text", key: "text", serviceAccountKeySecret: selector } },
  git: { fields: { repo: "text" } },
  hdfs: { fields: { addresses: { listOf: "text" }, path: "text" } },
  http,
  oss: { fields: { endpoint: "text", bucket: "text", key: "text" } },
  plugin: { fields: { name: "text", configuration: "text", key: "text" } },
  raw: { fields: { data: "text" } },
  s3,
};

export const locationShape: Shape = { fields: location };

const artifactFields: Readonly<Record<string, Shape>> = {
  ...location,
  name: "text",
  path: "text",
  mode: "number",
  recurseMode: "flag",
  optional: "flag",
  archive: { fields: { none: "object", zip: "object", tar: { fields: { compressionLevel: "number" } } } },
  globalName: "text",
};

const artifact: Shape = { fields: artifactFields, required: ["name"] };

export const parameterShape: Shape = {
  fields: {
    name: "text",
    value: "scalar",
    default: "scalar",
    valueFrom: { fields: { path: "text", jsonPath: "text", jqFilter: "text", default: "scalar" } },
    globalName: "text",
  },
  required: ["name"],
};

const mounts: Shape = {
  listOf: { fields: { name: "text", mountPath: "text" }, required: ["name", "mountPath"] },
};

const container: Readonly<Record<string, Shape>> = {
  name: "text",
  image: "text",
  command: { listOf: "text" },
  args: { listOf: "text" },
  workingDir: "text",
  env: { listOf: { fields: { name: "text", value: "text" }, required: ["name"] } },
  volumeMounts: mounts,
  resources: { fields: { limits: { mapOf: "scalar" } } },
};

const others: Shape = { listOf: { fields: container, required: ["name"] } };

/** The fields of a template that the executor reads (contract pod.md 7.1). */
const template: Shape = {
  fields: {
    name: "text",
    inputs: { fields: { parameters: { listOf: parameterShape }, artifacts: { listOf: artifact } } },
    outputs: {
      fields: {
        parameters: { listOf: parameterShape },
        artifacts: { listOf: artifact },
        result: "text",
        exitCode: "text",
      },
    },
    container: { fields: container },
    script: { fields: { ...container, source: "text" } },
    containerSet: {
      fields: {
        containers: { listOf: { fields: { ...container, dependencies: { listOf: "text" } } } },
        volumeMounts: mounts,
        retryStrategy: { fields: { duration: "text", retries: "scalar" } },
      },
      required: ["containers"],
    },
    resource: {
      fields: {
        action: "text",
        mergeStrategy: "text",
        manifest: "text",
        manifestFrom: { fields: { artifact: { fields: { name: "text" } } } },
        successCondition: "text",
        failureCondition: "text",
        flags: { listOf: "text" },
      },
    },
    data: {
      fields: {
        source: { fields: { artifactPaths: { fields: artifactFields } } },
        transformation: { listOf: { fields: { expression: "text" } } },
      },
    },
    sidecars: others,
    initContainers: others,
    archiveLocation: locationShape,
  },
};

/**
 * Checks whatever the executor reads of a template, so that everything behind can rely on its types. Throws BadRequest
 * naming the field, the accepted form and where the template came from.
 */
export function checkTemplate(value: unknown, source: string): Template {
  checkShape(value, template, source);
  checkDependencies(value as Template, source);
  return value as Template;
}

/** A container that waits for itself, or for one that is not there, would wait without end. */
function checkDependencies({ containerSet }: Template, source: string): void {
  let waiting = containerSet?.containers ?? [];
  const names = new Set(waiting.map(({ name }) => name));
  for (const { name, dependencies } of waiting) {
    const unknown = dependencies?.find((one) => !names.has(one));
    if (unknown === undefined) continue;
    throw new ExecutorError(
      "BadRequest",
      `${source}: container ${name} depends on ${unknown}, which the container set does not have`,
    );
  }
  while (waiting.length > 0) {
    const held = new Set(waiting.map(({ name }) => name));
    const left = waiting.filter(({ dependencies }) => dependencies?.some((one) => held.has(one)));
    if (left.length === waiting.length) {
      const circle = left.map(({ name }) => name).join(", ");
      throw new ExecutorError("BadRequest", `${source}: containers wait for each other: ${circle}`);
    }
    waiting = left;
  }
}
