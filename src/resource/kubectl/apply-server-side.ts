import { ExecutorError, errorText, isExecutorError } from "../../errors/index.ts";
import { refusalOf } from "../../kube/index.ts";
import type { ActedOn, Command } from "./command.ts";
import { changeQuery, fieldValidation, isSet } from "./flags.ts";
import { type JsonObject, textAt, writeJson } from "./json.ts";
import { lastAppliedAnnotation } from "./last-applied.ts";
import { managedFieldsUpgrade, ownsAnnotation } from "./managed-fields.ts";
import type { ServerObject } from "./requests.ts";
import type { Target } from "./targets.ts";

const manager = "kubectl";
const annotationManager = "kubectl-last-applied";
const conflictsMax = 5;
const type = "application/apply-patch+yaml";

const advice = `
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`;

/** `kubectl apply --server-side`: the server merges, and keeps count of who owns which field. */
export async function applyServerSide(command: Command, target: Target): Promise<ActedOn> {
  const { options, objects } = command;
  const subresource = options.flags.get("subresource");
  const query = {
    ...changeQuery(options, manager),
    fieldValidation: fieldValidation(options),
    force: String(isSet(options, "force-conflicts")),
  };
  const patch = { type, json: writeJson(target.object ?? {}), subresource } as const;
  const send = async () => {
    try {
      return await objects.patch(target, patch, query);
    } catch (error) {
      const refusal = refusalOf(error);
      if (!isExecutorError(error, "Conflict") || !refusal) throw error;
      throw new ExecutorError("Conflict", `${refusal.message}${advice}`);
    }
  };
  const object = await send();
  if (subresource) return { target, object };
  try {
    const upgraded = await upgrade(command, target, object, query);
    return { target, object: upgraded ? await send() : object };
  } catch (error) {
    command.signal.throwIfAborted();
    // The object was applied; who owns its fields is put in order next time.
    command.log.warn(
      { error: errorText(error) },
      "the fields of an earlier client-side apply have kept their owner",
    );
    return { target, object };
  }
}

/**
 * Fields that client-side apply owned become ours, so that those which are no longer in the manifest can go. Returns
 * whether there were any.
 */
async function upgrade(
  command: Command,
  target: Target,
  applied: ServerObject,
  query: Readonly<Record<string, string>>,
): Promise<boolean> {
  let current = await keepAnnotation(command, target, applied.value, query);
  for (let tries = 0; tries < conflictsMax; tries++) {
    const managedFields = managedFieldsUpgrade(current, query.fieldManager ?? manager);
    if (!managedFields) return false;
    const patch = [
      { op: "replace", path: "/metadata/managedFields", value: managedFields },
      {
        op: "replace",
        path: "/metadata/resourceVersion",
        value: textAt(current, "metadata", "resourceVersion"),
      },
    ];
    const { fieldManager = manager, fieldValidation: validation = "" } = query;
    try {
      const body = { type: "application/json-patch+json", json: writeJson(patch) } as const;
      await command.objects.patch(target, body, { fieldManager, fieldValidation: validation });
      return true;
    } catch (error) {
      if (!isExecutorError(error, "Conflict")) throw error;
      current = (await command.objects.get(target)).value;
    }
  }
  return false;
}

/** The annotation of client-side apply outlives the change of hands: kubectl keeps it for who goes back. */
async function keepAnnotation(
  command: Command,
  target: Target,
  object: JsonObject,
  query: Readonly<Record<string, string>>,
): Promise<JsonObject> {
  const text = textAt(object, "metadata", "annotations", lastAppliedAnnotation);
  if (query.fieldManager !== manager || text === "" || ownsAnnotation(object, "Apply")) return object;
  const { name, namespace } = target;
  const only = {
    apiVersion: textAt(object, "apiVersion"),
    kind: textAt(object, "kind"),
    metadata: { name, ...(namespace ? { namespace } : {}), annotations: { [lastAppliedAnnotation]: text } },
  };
  const patch = { type, json: writeJson(only) } as const;
  const { value } = await command.objects.patch(target, patch, { fieldManager: annotationManager });
  return value;
}
