import { ExecutorError } from "../errors/index.ts";
import { type HttpResponse, readBody } from "../http/index.ts";
import type { KubeClient } from "./client.ts";
import { connectionError } from "./errors.ts";
import { membersOf, valueAt } from "./json-members.ts";

/** What a watch tells about an object: that it changed, and its metadata as far as anyone needs it. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  /** Grows when anything but metadata and status changes, where the resource has a status subresource. */
  readonly generation: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface WatchRequest {
  /** Path of the collection, percent-encoded, without a query. */
  readonly path: string;
  readonly fieldSelector: string;
  /** Where to begin: of a list, or of the last event. */
  readonly resourceVersion: string;
}

/** Asks for metadata alone; servers that cannot do that send whole objects. */
const acceptMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json";
/** The server ends the watch after this long; the next one goes on where it ended. */
const watchSeconds = 570;
/** Bookmarks come about once a minute; longer silence is a dead connection, or costs one more request. */
const silenceMs = 150_000;
/** No object in etcd is near that; a server that sends more in one line is none we know. */
const lineBytesMax = 64 * 1024 * 1024;

/**
 * One watch, from a resource version until the server ends it. Throws Conflict when the version is too old (410), so
 * that one has to list again, and Transient when the connection breaks.
 */
export async function* watchEvents(
  client: KubeClient,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const settings = { seconds: watchSeconds, accept: acceptMetadata };
  for await (const line of watchLines(client, request, settings, signal)) yield readEvent(line, request.path);
}

/** The lines of a watch of objects as they are, or as `accept` asks for them, for so many seconds at most. */
export async function* watchLines(
  client: KubeClient,
  { path, fieldSelector, resourceVersion }: WatchRequest,
  { seconds, accept }: { readonly seconds: number; readonly accept?: string },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const query = new URLSearchParams({
    fieldSelector,
    resourceVersion,
    watch: "true",
    allowWatchBookmarks: "true",
    timeoutSeconds: String(seconds),
  });
  const request = {
    method: "GET",
    path: `${path}?${query}`,
    ...(accept !== undefined && { accept }),
  } as const;
  const response = await client.open(request, signal);
  yield* linesOf(response, `watch ${path}`, signal);
}

/** The lines of the answer, which is closed with the loop; nothing is held but the one that is still incomplete. */
async function* linesOf(response: HttpResponse, what: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const bytes of readBody(response.body, { during: what, stallTimeoutMs: silenceMs })) {
      const chunk = bytes as Buffer;
      let from = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
        const last = chunk.subarray(from, end);
        yield parts.length === 0 ? last : Buffer.concat([...parts, last]);
        parts = [];
        sizeBytes = 0;
        from = end + 1;
      }
      if (from < chunk.length) parts.push(chunk.subarray(from));
      sizeBytes += chunk.length - from;
      if (sizeBytes > lineBytesMax) {
        throw new ExecutorError("TooLarge", `${what}: an event is larger than ${lineBytesMax} bytes`);
      }
    }
  } catch (error) {
    throw connectionError(error, what, signal);
  } finally {
    response.body.destroy();
  }
}

/** Reads type and metadata; the rest of a large object is not parsed. */
function readEvent(line: Buffer, path: string): WatchEvent {
  let type = "";
  let object = -1;
  for (const [name, at] of membersOf(line, 0)) {
    if (name === "type") type = String(valueAt(line, at));
    if (name === "object") object = at;
    if (type !== "" && object >= 0) break;
  }
  if (type === "ERROR") throw watchError(valueAt(line, object), path);
  if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED" && type !== "BOOKMARK") {
    throw new ExecutorError("Transient", `watch ${path}: the server sent something that is no event`);
  }
  const found: Record<string, unknown> = {};
  for (const [name, at] of membersOf(line, object)) {
    if (name !== "metadata") continue;
    for (const [field, valueStart] of membersOf(line, at)) {
      if (metadataFields.has(field)) found[field] = valueAt(line, valueStart);
    }
    break;
  }
  const { uid, resourceVersion, generation, labels } = found;
  return {
    type,
    uid: typeof uid === "string" ? uid : undefined,
    resourceVersion: typeof resourceVersion === "string" ? resourceVersion : undefined,
    generation: typeof generation === "number" ? generation : undefined,
    labels: typeof labels === "object" && labels !== null ? (labels as Record<string, string>) : {},
  };
}

const metadataFields = new Set(["uid", "resourceVersion", "generation", "labels"]);

/** The error that an ERROR event stands for: Conflict where the version is too old, otherwise it may pass. */
export function watchError(status: unknown, path: string): ExecutorError {
  const { code, message } = (status ?? {}) as { code?: number; message?: string };
  return new ExecutorError(
    code === 410 ? "Conflict" : "Transient",
    `watch ${path}: ${message ?? "the server reports an error"}`,
  );
}
