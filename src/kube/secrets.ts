import { ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
import { type RetryPolicy, retry } from "../retry/index.ts";
import type { KubeClient } from "./client.ts";

/**
 * One key of a Secret in our namespace; `policy` is the back-off of API calls (docs/contract/roles.md#8.2). Throws
 * BadRequest where the key is missing (docs/contract/roles.md#1.8).
 */
export async function readSecretKey(
  client: KubeClient,
  { name, key }: { readonly name: string; readonly key: string },
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<Buffer> {
  const path = `/api/v1/namespaces/${encodeURIComponent(client.namespace)}/secrets/${encodeURIComponent(name)}`;
  const secret = await retry(
    policy,
    () =>
      client.request<{ readonly data?: Readonly<Record<string, string>> }>({ method: "GET", path }, signal),
    signal,
  ).catch((error) => {
    if (!isExecutorError(error, "Forbidden")) throw error;
    const text = `${errorText(error)}; grant the workflow's service account "get" on secrets with the resourceName ${name}`;
    throw new ExecutorError("Forbidden", text, { cause: error });
  });
  const value = secret.data?.[key];
  if (value === undefined) {
    throw new ExecutorError("BadRequest", `secret '${name}' does not have the key '${key}'`);
  }
  return Buffer.from(value, "base64");
}

/** One key of a ConfigMap in our namespace, with the same back-off and errors. */
export async function readConfigMapKey(
  client: KubeClient,
  { name, key }: { readonly name: string; readonly key: string },
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<string> {
  const path = `/api/v1/namespaces/${encodeURIComponent(client.namespace)}/configmaps/${encodeURIComponent(name)}`;
  const configMap = await retry(
    policy,
    () =>
      client.request<{ readonly data?: Readonly<Record<string, string>> }>({ method: "GET", path }, signal),
    signal,
  ).catch((error) => {
    if (!isExecutorError(error, "Forbidden")) throw error;
    const text = `${errorText(error)}; grant the workflow's service account "get" on configmaps with the resourceName ${name}`;
    throw new ExecutorError("Forbidden", text, { cause: error });
  });
  const value = configMap.data?.[key];
  if (value !== undefined) return value;
  throw new ExecutorError("BadRequest", `configmap '${name}' does not have the key '${key}'`);
}
