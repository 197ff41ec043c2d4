import { ExecutorError, errorText, isExecutorError } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import { mapAhead } from "../../limits/index.ts";
import { listAt, memberAt, objectAt, textAt } from "./json.ts";
import { asked } from "./pages.ts";
import { readWorkflow } from "./read-workflow.ts";
import type { WorkflowRecord } from "./workflow.ts";

/** Archived workflows, as the Argo server's API has them; all namespaces where none is named. */
export interface ArchivedWorkflows {
  /** Connected to the Argo server: it speaks like the API server as far as requests and answers go. */
  readonly client: KubeClient;
  readonly namespaces: readonly string[];
}

const pageSize = 100;
/** Workflows that are being read at once: a list holds no nodes (Argo Workflows 3.5 and newer), each has to be asked for. */
const readsAhead = 8;
/** The archive is listed until nothing new comes; more often than this, and it changes too fast to be known. */
const passesMax = 6;

/** Every archived workflow, each once. */
export async function* archivedWorkflows(
  archive: ArchivedWorkflows,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRecord> {
  for await (const manifest of archivedManifests(archive, signal))
    yield await readWorkflow(manifest, "archive");
}

/**
 * The same as manifests. The server's pages are offsets: a workflow that is deleted from the archive in
 * between moves others to a page that was read already. So the list is read until a whole pass brings nothing new.
 */
export async function* archivedManifests(
  { client, namespaces }: ArchivedWorkflows,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  for (const namespace of namespaces.length === 0 ? [""] : namespaces) {
    const seen = new Set<string>();
    for (let pass = 1; ; pass += 1) {
      const before = seen.size;
      const uids = newUids(client, namespace, seen, signal);
      for await (const manifest of mapAhead(uids, readsAhead, (uid) => readOne(client, uid, signal))) {
        if (manifest !== undefined) yield manifest;
      }
      if (seen.size === before) break;
      if (pass === passesMax) {
        const text = `the archive changed in each of ${passesMax} passes over its list; try again when less is archived`;
        throw new ExecutorError("Transient", text);
      }
    }
  }
}

/**
 * A live workflow with the nodes that its controller has offloaded: the Argo server puts them back. Undefined where it
 * does not, for whatever reason: they are not known then.
 */
export async function hydratedWorkflow(
  client: KubeClient,
  { namespace, name, uid }: WorkflowRecord,
  signal: AbortSignal,
): Promise<WorkflowRecord | undefined> {
  const path = `/api/v1/workflows/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  try {
    const manifest = await asked(() => client.request<unknown>({ method: "GET", path }, signal), signal);
    const workflow = await readWorkflow(manifest, "cluster");
    return workflow.uid === uid && workflow.unknownBecause === undefined ? workflow : undefined;
  } catch {
    // One that is gone, or may not be read: what is not known is kept.
    signal.throwIfAborted();
    return undefined;
  }
}

async function* newUids(
  client: KubeClient,
  namespace: string,
  seen: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let next = "";
  do {
    const query = new URLSearchParams({
      "listOptions.limit": String(pageSize),
      ...(namespace === ""
        ? {}
        : { namespace, "listOptions.fieldSelector": `metadata.namespace=${namespace}` }),
      ...(next === "" ? {} : { "listOptions.continue": next }),
    });
    const answer = await get(client, `/api/v1/archived-workflows?${query}`, signal);
    const page = checkedPage(answer, next);
    for (const item of page.items) {
      const uid = textAt(item, "metadata", "uid");
      if (uid === "") {
        throw new ExecutorError(
          "Internal",
          "the Argo server's list of archived workflows has one without a uid",
        );
      }
      if (seen.has(uid)) continue;
      seen.add(uid);
      yield uid;
    }
    next = page.next;
  } while (next !== "");
}

/** Undefined where it is gone again. */
async function readOne(client: KubeClient, uid: string, signal: AbortSignal): Promise<unknown> {
  try {
    const item = await get(client, `/api/v1/archived-workflows/${encodeURIComponent(uid)}`, signal);
    if (textAt(item, "metadata", "uid") === uid && textAt(item, "metadata", "name") !== "") return item;
    throw new ExecutorError("Internal", `the Argo server answered with another workflow than ${uid}`);
  } catch (error) {
    if (isExecutorError(error, "NotFound")) return undefined;
    throw error;
  }
}

async function get(client: KubeClient, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await asked(() => client.request<unknown>({ method: "GET", path }, signal), signal);
  } catch (error) {
    if (!isExecutorError(error, "Forbidden", "Unauthorized")) throw error;
    const text = `the Argo server refuses: ${errorText(error)}; its token needs "list" and "get" on workflows in every namespace that is read`;
    throw new ExecutorError(error.code, text, { cause: error });
  }
}

/** The server says `items: null` for none. */
function checkedPage(
  answer: unknown,
  from: string,
): { readonly items: readonly unknown[]; readonly next: string } {
  const items = memberAt(answer, "items");
  const metadata = memberAt(answer, "metadata");
  if (!(Array.isArray(items) || items === null) || typeof metadata !== "object") {
    throw new ExecutorError("Internal", "the Argo server's answer is no list of archived workflows");
  }
  const next = textAt(objectAt(answer, "metadata"), "continue");
  if (next !== "" && !(Number(next) > Number(from || 0))) {
    throw new ExecutorError("Internal", "the Argo server's list of archived workflows goes in a circle");
  }
  return { items: listAt(answer, "items"), next };
}
