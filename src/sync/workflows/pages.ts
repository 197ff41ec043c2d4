import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import { doublingPauses, retry } from "../../retry/index.ts";
import { listAt, memberAt, objectAt, textAt } from "./json.ts";

/** A list of the API server, page by page. */
export interface PagedList {
  /** Path of the collection, percent-encoded, without a query. */
  readonly path: string;
  readonly labelSelector?: string;
  readonly pageSize: number;
  /** Asks for the objects' metadata alone. */
  readonly isMetadataOnly?: boolean;
}

const acceptMetadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json";
const patienceMs = 120_000;
/** How often a list is begun anew because the server has forgotten where it was. */
const restartsMax = 5;

/**
 * Every object of a list, whole or not at all: a page that is damaged, or a list that ends before as many objects have
 * come as were announced, is an error. Where the server forgets the list in between (410), it is begun anew, so that an
 * object may come twice.
 */
export async function* listPages(
  client: KubeClient,
  list: PagedList,
  signal: AbortSignal,
): AsyncGenerator<readonly unknown[]> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      yield* onePass(client, list, signal);
      return;
    } catch (error) {
      if (!isExecutorError(error, "Conflict") || restarts >= restartsMax) throw error;
    }
  }
}

async function* onePass(
  client: KubeClient,
  list: PagedList,
  signal: AbortSignal,
): AsyncGenerator<readonly unknown[]> {
  let next = "";
  let announced = 0;
  let received = 0;
  let pageSize = list.pageSize;
  do {
    const page = await readPage(client, list, { next, pageSize }, signal);
    pageSize = page.pageSize;
    received += page.items.length;
    announced = Math.max(announced, received + page.remaining);
    if (page.next !== "" && page.items.length === 0) {
      throw new ExecutorError("Transient", `GET ${list.path}: an empty page says that there are more`);
    }
    yield page.items;
    next = page.next;
  } while (next !== "");
  if (received < announced) {
    const text = `GET ${list.path}: the list ended after ${received} objects, and ${announced} were announced`;
    throw new ExecutorError("Transient", text);
  }
}

interface Page {
  readonly items: readonly unknown[];
  readonly next: string;
  readonly remaining: number;
  /** As many fitted into one answer. */
  readonly pageSize: number;
}

/** Pages of workflows may hold megabytes each: one that is too large for an answer is asked for in halves. */
async function readPage(
  client: KubeClient,
  list: PagedList,
  { next, pageSize }: { readonly next: string; readonly pageSize: number },
  signal: AbortSignal,
): Promise<Page> {
  const query = new URLSearchParams({
    limit: String(pageSize),
    ...(list.labelSelector ? { labelSelector: list.labelSelector } : {}),
    ...(next === "" ? {} : { continue: next }),
  });
  const request = {
    method: "GET",
    path: `${list.path}?${query}`,
    ...(list.isMetadataOnly ? { accept: acceptMetadata } : {}),
  } as const;
  try {
    const answer = await asked(() => client.request<unknown>(request, signal), signal);
    return { ...checkedPage(answer, list.path), pageSize };
  } catch (error) {
    if (!isExecutorError(error, "TooLarge") || pageSize === 1) throw error;
    return readPage(client, list, { next, pageSize: Math.ceil(pageSize / 2) }, signal);
  }
}

/** Asks again for as long as what is wrong will probably pass. */
export async function asked<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return await retry({ pauses: doublingPauses(250, 10_000, 0.2), patienceMs }, attempt, signal);
}

function checkedPage(answer: unknown, path: string): Omit<Page, "pageSize"> {
  const items = memberAt(answer, "items");
  // A server that has none may say null; one that says nothing has not answered the question.
  if (!(Array.isArray(items) || items === null) || !textAt(answer, "kind").endsWith("List")) {
    throw new ExecutorError("Internal", `GET ${path}: the answer is no list of Kubernetes objects`);
  }
  const remaining = memberAt(answer, "metadata", "remainingItemCount");
  return {
    items: listAt(answer, "items"),
    next: textAt(objectAt(answer, "metadata"), "continue"),
    remaining: typeof remaining === "number" && remaining > 0 ? remaining : 0,
  };
}
