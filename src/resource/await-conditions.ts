import { ExecutorError } from "../errors/index.ts";
import type { Judge } from "./conditions.ts";
import { type Following, followObject } from "./follow-object.ts";
import type { ObjectRef } from "./kubectl/requests.ts";

const gone = "The resource has been deleted while its status was still being checked. Will not be retried:";

/**
 * Waits until the object meets the conditions, and returns the JSON of the state that does. Throws NotFound when it, or
 * its kind, is gone, BadRequest when a failure condition holds.
 */
export async function awaitConditions(
  ref: ObjectRef,
  judge: Judge,
  following: Following,
  signal: AbortSignal,
): Promise<string> {
  let isFirst = true;
  for await (const seen of followObject(ref, following, signal)) {
    if (seen.kind === "absent") throw new ExecutorError("NotFound", `${gone} ${seen.message}`);
    if (judge(seen.text)) return seen.text;
    if (isFirst) following.log.info({ resource: nameOf(ref) }, "waiting for the resource's conditions");
    isFirst = false;
  }
  throw new ExecutorError("Internal", "following an object does not end by itself");
}

function nameOf({ mapping, namespace, name }: ObjectRef): string {
  return [namespace, mapping.resource, name].filter((part) => part !== "").join("/");
}
