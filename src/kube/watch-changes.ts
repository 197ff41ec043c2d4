import { ExecutorError } from "../errors/index.ts";
import type { KubeClient } from "./client.ts";
import { watchError, watchLines } from "./watch.ts";

/** What a watch tells, with the whole object; a bookmark's object has nothing but a resource version. */
export interface ObjectChange {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: unknown;
}

/** A collection from a resource version on, watched for so many seconds. */
export interface ChangesRequest {
  /** Path of the collection, percent-encoded, without a query. */
  readonly path: string;
  readonly resourceVersion: string;
  readonly seconds: number;
}

const types: readonly unknown[] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

/**
 * What has happened in a collection since a resource version, and then what happens, until the server ends it. Throws
 * Conflict where the version is too old (410), Transient where the connection breaks or what comes is no event.
 */
export async function* watchChanges(
  client: KubeClient,
  { path, resourceVersion, seconds }: ChangesRequest,
  signal: AbortSignal,
): AsyncGenerator<ObjectChange> {
  const request = { path, fieldSelector: "", resourceVersion };
  for await (const line of watchLines(client, request, { seconds }, signal)) {
    const { type, object } = readLine(line, path);
    if (type === "ERROR") throw watchError(object, path);
    if (!types.includes(type) || typeof object !== "object" || object === null) throw noEvent(path);
    yield { type: type as ObjectChange["type"], object };
  }
}

function readLine(line: Buffer, path: string): { readonly type?: unknown; readonly object?: unknown } {
  try {
    const value: unknown = JSON.parse(line.toString());
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below: half a line is what a proxy leaves of a watch that it ends.
  }
  throw noEvent(path);
}

function noEvent(path: string): ExecutorError {
  return new ExecutorError("Transient", `watch ${path}: the server sent something that is no event`);
}
