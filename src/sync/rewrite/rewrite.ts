import { errorText, isExecutorError } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import {
  type ArchivedWorkflows,
  archivedManifests,
  asked,
  type ClusterWorkflows,
  listedObjects,
  objectAt,
  textAt,
} from "../workflows/index.ts";
import { archiveUpdate, type SqlDialect } from "./archive-sql.ts";
import type { LocationMap } from "./location-map.ts";
import { identityTest, type PatchOperation, patched, rewriting } from "./rewrite-document.ts";

/** What is to be rewritten, and how far it may go. */
export interface RewriteJob {
  readonly map: LocationMap;
  readonly cluster: ClusterWorkflows | undefined;
  readonly archive: ArchivedWorkflows | undefined;
  /** Templates, too, and not workflows alone. */
  readonly includesTemplates: boolean;
  /** False: nothing is changed. */
  readonly applies: boolean;
  /** Takes the statements for archived workflows. */
  readonly sql: { readonly dialect: SqlDialect; write(statement: string): Promise<void> } | undefined;
}

/** What became of one object. */
export interface RewriteResult {
  /** `workflows/argo/build-x2v`. */
  readonly title: string;
  readonly locations: number;
  /** `changed` in a rehearsal: would be. `failed` and `left`: the reason is in `why`. */
  readonly deed: "changed" | "failed" | "left";
  readonly why: string;
  /** True where the same again may help. */
  readonly isPassing: boolean;
}

const group = "/apis/argoproj.io/v1alpha1";
const templateResources = [
  { resource: "workflowtemplates", isNamespaced: true },
  { resource: "cronworkflows", isNamespaced: true },
  { resource: "clusterworkflowtemplates", isNamespaced: false },
] as const;
/** A change by someone else in between is read, and tried again. */
const triesMax = 5;

/** Rewrites locations, and yields what became of each object that has any of them, or of which that cannot be known. */
export async function* rewrite(job: RewriteJob, signal: AbortSignal): AsyncGenerator<RewriteResult> {
  if (job.cluster) {
    const resources = [
      { resource: "workflows", isNamespaced: true },
      ...(job.includesTemplates ? templateResources : []),
    ];
    for (const listing of resources) {
      for await (const object of listedObjects(job.cluster, listing, signal)) {
        const result = await rewriteObject(job, job.cluster.client, listing.resource, object, signal);
        if (result) yield result;
      }
    }
  }
  if (job.archive) {
    for await (const workflow of archivedManifests(job.archive, signal)) {
      const result = await rewriteArchived(job, workflow);
      if (result) yield result;
    }
  }
}

async function rewriteObject(
  job: RewriteJob,
  client: KubeClient,
  resource: string,
  listed: unknown,
  signal: AbortSignal,
): Promise<RewriteResult | undefined> {
  const title = titleOf(resource, listed);
  let object = listed;
  for (let tries = 1; ; tries += 1) {
    const { operations, count, unseen } = rewriting(object, job.map);
    if (unseen !== undefined) return result(title, count, "left", unseen);
    if (operations.length === 0) return undefined;
    if (resource === "workflows" && !isDone(object)) {
      return result(
        title,
        count,
        "left",
        "it is running: its controller would write the old locations again",
      );
    }
    if (!job.applies) return result(title, count, "changed", "");
    const path = pathOf(resource, object);
    try {
      await sendPatch(client, path, [identityTest(object), ...operations], signal);
      return result(title, count, "changed", "");
    } catch (error) {
      signal.throwIfAborted();
      // The server says "invalid" for a test that fails, and "conflict" for a change at the same moment.
      const isChanged = isExecutorError(error, "BadRequest", "Conflict");
      if (!isChanged || tries === triesMax) return failed(title, count, error);
      const now = await readAgain(client, path, signal);
      if (textAt(now, "metadata", "uid") !== textAt(listed, "metadata", "uid")) return undefined;
      object = now;
    }
  }
}

async function rewriteArchived(job: RewriteJob, workflow: unknown): Promise<RewriteResult | undefined> {
  const title = titleOf("archived-workflows", workflow);
  const { operations, count, unseen } = rewriting(workflow, job.map);
  if (unseen !== undefined) return result(title, count, "left", unseen);
  if (operations.length === 0) return undefined;
  if (!job.sql) {
    return result(title, count, "left", "the archive has no API for changes: --sql FILE writes them down");
  }
  const uid = textAt(workflow, "metadata", "uid");
  await job.sql.write(archiveUpdate(uid, patched(workflow, operations), job.sql.dialect));
  return result(title, count, "changed", "");
}

async function sendPatch(
  client: KubeClient,
  path: string,
  body: readonly PatchOperation[],
  signal: AbortSignal,
): Promise<void> {
  const contentType = "application/json-patch+json" as const;
  await asked(() => client.send({ method: "PATCH", path, body, contentType }, signal), signal);
}

/** An empty object where it is gone. */
async function readAgain(client: KubeClient, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await asked(() => client.request<unknown>({ method: "GET", path }, signal), signal);
  } catch (error) {
    if (isExecutorError(error, "NotFound")) return {};
    throw error;
  }
}

function isDone(workflow: unknown): boolean {
  const label = textAt(objectAt(workflow, "metadata", "labels"), "workflows.argoproj.io/completed");
  return label === "true" || ["Succeeded", "Failed", "Error"].includes(textAt(workflow, "status", "phase"));
}

function pathOf(resource: string, object: unknown): string {
  const namespace = textAt(object, "metadata", "namespace");
  const name = encodeURIComponent(textAt(object, "metadata", "name"));
  const place = namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${group}${place}/${resource}/${name}`;
}

function titleOf(resource: string, object: unknown): string {
  const parts = [resource, textAt(object, "metadata", "namespace"), textAt(object, "metadata", "name")];
  return parts.filter((part) => part !== "").join("/");
}

function result(title: string, locations: number, deed: RewriteResult["deed"], why: string): RewriteResult {
  return { title, locations, deed, why, isPassing: false };
}

function failed(title: string, locations: number, error: unknown): RewriteResult {
  const isPassing = isExecutorError(error, "Transient", "Conflict");
  const grant = isExecutorError(error, "Forbidden") ? '; grant "patch" on it' : "";
  return { title, locations, deed: "failed", why: `${errorText(error)}${grant}`, isPassing };
}
