import type { TestContext } from "node:test";
import { KubeClient } from "../../src/kube/index.ts";
import { type ApiServer, startApiServer } from "../servers/api-server/index.ts";
import { type ArgoServer, type ArgoServerOptions, startArgoServer } from "../servers/argo-server/index.ts";
import { type WorkflowSketch, workflowObject, workflowsResource } from "./workflow-objects.ts";

export const never = new AbortController().signal;

export interface Cluster {
  readonly api: ApiServer;
  readonly kube: KubeClient;
  /** Makes a workflow, and says what it is now. */
  create(sketch: WorkflowSketch): void;
}

export async function startCluster(t: TestContext): Promise<Cluster> {
  const api = await startApiServer({ token: "token" });
  t.after(() => api[Symbol.asyncDispose]());
  const kube = clientOf(t, api.url, "token");
  const create = (sketch: WorkflowSketch) => {
    const object = workflowObject(sketch);
    const { namespace } = object.metadata;
    api.create({ ...workflowsResource, namespace }, object);
  };
  return { api, kube, create };
}

export async function startArchive(
  t: TestContext,
  options: ArgoServerOptions = {},
): Promise<{ readonly server: ArgoServer; readonly client: KubeClient }> {
  const server = await startArgoServer({ token: "argo", ...options });
  t.after(() => server[Symbol.asyncDispose]());
  return { server, client: clientOf(t, server.url, "argo") };
}

export function clientOf(t: TestContext, url: string, token: string): KubeClient {
  const connection = {
    server: new URL(url),
    namespace: "argo",
    tls: {},
    authorization: async () => `Bearer ${token}`,
  };
  const client = new KubeClient(connection, {
    userAgent: "t",
    idleTimeoutMs: 5000,
    transientPattern: undefined,
  });
  t.after(() => client[Symbol.asyncDispose]());
  return client;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
