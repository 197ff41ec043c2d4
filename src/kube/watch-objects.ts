import { ExecutorError } from "../errors/index.ts";
import type { KubeClient } from "./client.ts";
import { membersOf, textAt, valueAt } from "./json-members.ts";
import { type WatchRequest, watchError, watchLines } from "./watch.ts";

/** What a watch tells about a whole object. */
export interface ObjectEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** The object's JSON, byte for byte as the server wrote it. */
  readonly text: string;
}

/** The server ends the watch after this long; who follows an object reads it again then. */
const watchSeconds = 240;

/**
 * One watch of whole objects, from a resource version until the server ends it. Throws Conflict when the version is too
 * old (410), Transient when the connection breaks, Forbidden where watching is not granted.
 */
export async function* watchObjects(
  client: KubeClient,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<ObjectEvent> {
  for await (const line of watchLines(client, request, { seconds: watchSeconds }, signal)) {
    const event = readEvent(line, request.path);
    if (event) yield event;
  }
}

/** Undefined for a bookmark. */
function readEvent(line: Buffer, path: string): ObjectEvent | undefined {
  let type: unknown;
  let object = -1;
  for (const [name, at] of membersOf(line, 0)) {
    if (name === "type") type = valueAt(line, at);
    if (name === "object") object = at;
    if (type !== undefined && object >= 0) break;
  }
  if (type === "ERROR") throw watchError(valueAt(line, object), path);
  if (type === "BOOKMARK") return undefined;
  if (object < 0 || (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED")) {
    throw new ExecutorError("Transient", `watch ${path}: the server sent something that is no event`);
  }
  return { type, text: textAt(line, object) };
}
