import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
import { type KubeClient, refusalOf, watchObjects } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import { Discovery } from "./kubectl/discovery.ts";
import { textAt } from "./kubectl/json.ts";
import { collectionPath, type ObjectRef, objectPath, serverObject } from "./kubectl/requests.ts";

/** A state of the object, or that it is not there. */
export type Observation =
  | { readonly kind: "present"; readonly text: string }
  | { readonly kind: "absent"; readonly message: string };

export interface Following {
  readonly client: KubeClient;
  readonly log: Logger;
  /** Between two reads, where watching is not granted; the longest pause after a failure. */
  readonly intervalMs: number;
}

const firstPauseMs = 250;
/** Not known to pass: so many answers of the kind in a row are believed. */
const doubtfulMax: Partial<Record<ErrorCode, number>> = { Unauthorized: 4, Internal: 4, NotFound: 4 };

/**
 * Every state of one object as it comes about, the present one first. A read begins each watch and follows its end: what
 * a watch misses is seen then, after four minutes at most. Where watching is refused the object is read at the interval.
 * Throws what a read throws that will not pass; an object that is gone is a state. Ends only with the caller's loop.
 */
export async function* followObject(
  ref: ObjectRef,
  following: Following,
  signal: AbortSignal,
): AsyncGenerator<Observation> {
  let isWatchable = true;
  let pauseMs = firstPauseMs;
  for (;;) {
    const seen = await readPatiently(ref, following, signal);
    yield seen;
    const version = seen.kind === "present" ? versionOf(seen.text) : "";
    const startedMs = performance.now();
    if (isWatchable && version !== "") {
      try {
        yield* watchOnce(ref, version, following.client, signal);
      } catch (error) {
        signal.throwIfAborted();
        isWatchable = !isRefused(error);
        const what = isWatchable
          ? "the watch broke off"
          : "watching is refused, so the object is read in turn";
        following.log.debug({ error: errorText(error) }, what);
      }
    }
    // A watch that holds needs no pause; one that ends at once must not become a poll without end.
    const held = performance.now() - startedMs > 1000;
    pauseMs = held ? firstPauseMs : Math.min(pauseMs * 2, following.intervalMs);
    if (!held) await sleep(isWatchable ? pauseMs : following.intervalMs, undefined, { signal });
  }
}

async function* watchOnce(
  ref: ObjectRef,
  resourceVersion: string,
  client: KubeClient,
  signal: AbortSignal,
): AsyncGenerator<Observation> {
  const path = collectionPath(ref.mapping, ref.namespace);
  const fieldSelector = `metadata.name=${ref.name}`;
  for await (const { type, text } of watchObjects(client, { path, fieldSelector, resourceVersion }, signal)) {
    // Whether it is gone for good, the next read tells: another of the same name may be there already.
    if (type === "DELETED") return;
    yield { kind: "present", text };
  }
}

async function readPatiently(
  ref: ObjectRef,
  following: Following,
  signal: AbortSignal,
): Promise<Observation> {
  let doubtful = 0;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, following.intervalMs)) {
    try {
      const request = { method: "GET", path: objectPath(ref), accept: "application/json" } as const;
      const text = await following.client.requestText(request, signal);
      serverObject(text, `GET ${request.path}`);
      return { kind: "present", text };
    } catch (error) {
      signal.throwIfAborted();
      const absence = isExecutorError(error, "NotFound")
        ? await absenceOf(ref, error, following, signal)
        : undefined;
      if (absence !== undefined) return { kind: "absent", message: absence };
      if (!(error instanceof ExecutorError)) throw error;
      const mayPass = error.code === "Transient" || ++doubtful < (doubtfulMax[error.code] ?? 0);
      if (!mayPass) throw error;
      following.log.warn({ error: errorText(error) }, "reading the resource again");
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

/**
 * What a 404 says of the object; undefined where it may be a proxy's, and say nothing. Where a kind has been withdrawn the
 * API server answers with a page, as any other server does: its list of kinds tells.
 */
async function absenceOf(
  { mapping, name }: ObjectRef,
  error: ExecutorError,
  { client }: Following,
  signal: AbortSignal,
): Promise<string | undefined> {
  const refusal = refusalOf(error);
  if (refusal?.details?.name === name) return refusal.message;
  const { group, version, resource } = mapping;
  const isServed = await new Discovery(client, signal).ofKind(mapping).then(
    (found) => found !== undefined,
    () => true,
  );
  signal.throwIfAborted();
  if (!isServed)
    return `the server does not serve ${resource} of ${group || "the core group"} ${version} any more`;
  return refusal?.reason === "NotFound" ? refusal.message : undefined;
}

function versionOf(text: string): string {
  return textAt(serverObject(text, "the resource").value, "metadata", "resourceVersion");
}

/** No right to watch, or a resource that cannot be watched. */
function isRefused(error: unknown): boolean {
  return isExecutorError(error, "Forbidden") || refusalOf(error)?.httpStatus === 405;
}
