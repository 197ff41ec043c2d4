/** What the benches that run an agent share: its task set, and what it has used. */
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { ApiServer } from "../test/servers/api-server/index.ts";

export const resource = { group: "argoproj.io", version: "v1alpha1", resource: "workflowtasksets" };
const ref = { ...resource, namespace: "argo", name: "wf" };

/** What the task set says of the nodes now. */
export function nodesOf(api: ApiServer): Readonly<Record<string, unknown>> {
  const status = api.find(ref)?.status as { readonly nodes?: Readonly<Record<string, unknown>> } | undefined;
  return status?.nodes ?? {};
}

/** When each node's phase could first be read, by `performance.now()`. */
export async function whenVisible(api: ApiServer, ids: readonly string[]): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  const missing = new Set(ids);
  let last: unknown;
  while (missing.size > 0) {
    await api.waitForState({ ...ref, resource: "workflowtasksets" }, () => {
      const now = api.find(ref);
      if (now === last) return false;
      last = now;
      return true;
    });
    for (const id of Object.keys(nodesOf(api))) if (missing.delete(id)) seen.set(id, performance.now());
    api.clearRequests();
  }
  return seen;
}

export async function patch(api: ApiServer, body: object, subresource = ""): Promise<void> {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/argo/workflowtasksets/wf${subresource}`;
  const response = await fetch(api.url + path, {
    method: "PATCH",
    headers: { "content-type": "application/merge-patch+json", authorization: "Bearer t" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
}

interface HasPid {
  readonly pid?: number | undefined;
}

/** The Node that the static program has started. */
export function childOf({ pid }: ChildProcess): HasPid {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return children === "" ? { pid } : { pid: Number(children.split(" ")[0]) };
}

/** Of all threads, from the scheduler's own count. */
export function cpuSeconds({ pid }: HasPid): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, part) => sum + part, 0) / 1e9;
}

/** Resident. */
export function memoryKib({ pid }: HasPid): { now: number; peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]);
  return { now: field("VmRSS"), peak: field("VmHWM") };
}
