import { ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
import { type RetryPolicy, retry } from "../retry/index.ts";
import type { KubeClient } from "./client.ts";

/** The name of an object, and one of the keys of its data. */
export interface DataKey {
  readonly name: string;
  readonly key: string;
}

/**
 * One key of a Secret in our namespace; `policy` is the back-off of API calls (docs/contract/roles.md#8.2). Throws
 * BadRequest where the key is missing (docs/contract/roles.md#1.8).
 */
export async function readSecretKey(
  client: KubeClient,
  wanted: DataKey,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<Buffer> {
  return Buffer.from(await readDataKey(client, { kind: "secret", ...wanted }, policy, signal), "base64");
}

/** One key of a ConfigMap in our namespace, with the same back-off and errors. */
export async function readConfigMapKey(
  client: KubeClient,
  wanted: DataKey,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<string> {
  return await readDataKey(client, { kind: "configmap", ...wanted }, policy, signal);
}

async function readDataKey(
  client: KubeClient,
  { kind, name, key }: DataKey & { readonly kind: "secret" | "configmap" },
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<string> {
  const path = `/api/v1/namespaces/${encodeURIComponent(client.namespace)}/${kind}s/${encodeURIComponent(name)}`;
  const get = () =>
    client.request<{ readonly data?: Readonly<Record<string, string>> }>({ method: "GET", path }, signal);
  const { data } = await retry(policy, get, signal).catch((error) => {
    if (!isExecutorError(error, "Forbidden")) throw error;
    const text = `${errorText(error)}; grant the workflow's service account "get" on ${kind}s with the resourceName ${name}`;
    throw new ExecutorError("Forbidden", text, { cause: error });
  });
  const value = data?.[key];
  if (value !== undefined) return value;
  throw new ExecutorError("BadRequest", `${kind} '${name}' does not have the key '${key}'`);
}
