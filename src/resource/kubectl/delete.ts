import { ExecutorError, errorText, isExecutorError } from "../../errors/index.ts";
import { followObject } from "../follow-object.ts";
import { type Command, type CommandResult, forEach, targetsOf } from "./command.ts";
import { badFlag, throwCollected } from "./failure.ts";
import { changeQuery, durationFlag, isSet } from "./flags.ts";
import { listAll } from "./get.ts";
import { type JsonObject, parseJson, textAt } from "./json.ts";
import type { Target } from "./targets.ts";

/** Between two reads of an object that is going away, where watching is not granted. */
const readEveryMs = 1000;

/** `kubectl delete --ignore-not-found`: what is gone already is fine, and finalizers are waited for. */
export async function deleteObjects(command: Command): Promise<CommandResult> {
  const { options, signal } = command;
  const { targets, selections, errors: given } = await targetsOf(command);
  const errors = [...given];
  if (targets.length === 0 && errors.length === 0 && selections.length > 0 && !hasSelector(command)) {
    throw badFlag("resource(s) were provided, but no name was specified");
  }
  const selected = await forEach(selections, errors, signal, (selection) => listAll(command, selection));
  const all = [...targets, ...selected.flat().map(({ target }) => target)];
  try {
    await deleteTargets(command, all, {
      ignoresMissing: isSet(options, "ignore-not-found"),
      waits: isSet(options, "wait", true),
    });
  } catch (error) {
    signal.throwIfAborted();
    errors.push(error);
  }
  throwCollected(errors);
  return { acted: [], isSingle: false };
}

function hasSelector({ options }: Command): boolean {
  return options.flags.has("selector") || options.flags.has("field-selector") || isSet(options, "all");
}

/** Deletes each object, and waits until all of them are gone. */
export async function deleteTargets(
  command: Command,
  targets: readonly Target[],
  how: { readonly ignoresMissing: boolean; readonly waits: boolean },
): Promise<void> {
  const errors: unknown[] = [];
  const body = deleteOptions(command);
  const deleted = await forEach(targets, errors, command.signal, async (target) => {
    try {
      const { value } = await command.objects.delete(target, body);
      return { target, uid: textAt(value, "details", "uid") || textAt(value, "metadata", "uid") };
    } catch (error) {
      if (how.ignoresMissing && isExecutorError(error, "NotFound")) return undefined;
      throw error;
    }
  });
  throwCollected(errors);
  if (!how.waits || body.dryRun !== undefined) return;
  const timeoutMs = durationFlag(command.options, "timeout");
  const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([command.signal, ...(limit ? [limit] : [])]);
  for (const one of deleted) if (one) await untilGone(command, one, signal, limit);
}

function deleteOptions({ options }: Command): JsonObject {
  const cascade = options.flags.get("cascade") ?? "background";
  const policies: Readonly<Record<string, string>> = {
    background: "Background",
    true: "Background",
    orphan: "Orphan",
    false: "Orphan",
    foreground: "Foreground",
  };
  const propagationPolicy = policies[cascade];
  if (propagationPolicy === undefined) {
    throw badFlag(`invalid cascade value (${cascade}). Must be "background", "foreground", or "orphan"`);
  }
  const isForced = isSet(options, "force");
  const given = Number(options.flags.get("grace-period") ?? (isSet(options, "now") ? 1 : isForced ? 0 : -1));
  if (!Number.isInteger(given)) throw badFlag("--grace-period must be a whole number of seconds");
  if (given > 0 && isForced) {
    throw badFlag("--force and --grace-period greater than 0 cannot be specified together");
  }
  const dryRun = changeQuery(options, "").dryRun;
  return {
    kind: "DeleteOptions",
    apiVersion: "v1",
    propagationPolicy,
    ...(given >= 0 ? { gracePeriodSeconds: given } : {}),
    ...(dryRun ? { dryRun: [dryRun] } : {}),
  };
}

/** Gone, or another object of the name in its place. Who may not look does not wait, as kubectl has it. */
async function untilGone(
  command: Command,
  { target, uid }: { readonly target: Target; readonly uid: string },
  signal: AbortSignal,
  limit: AbortSignal | undefined,
): Promise<void> {
  const following = { client: command.client, log: command.log, intervalMs: readEveryMs };
  try {
    for await (const seen of followObject(target, following, signal)) {
      if (seen.kind === "absent") return;
      if (uid !== "" && textAt(parseJson(seen.text), "metadata", "uid") !== uid) return;
    }
  } catch (error) {
    command.signal.throwIfAborted();
    if (limit?.aborted) {
      const { resource } = target.mapping;
      throw new ExecutorError("Timeout", `timed out waiting for the condition on ${resource}/${target.name}`);
    }
    if (!isExecutorError(error, "Forbidden")) throw error;
    command.log.warn({ error: errorText(error) }, "not waiting until the object is gone: it may not be read");
  }
}
