import { isExecutorError } from "../../errors/index.ts";
import { type ActedOn, type Command, type CommandResult, forEach, targetsOf } from "./command.ts";
import { annotated, made, withoutVersion } from "./create.ts";
import { deleteTargets } from "./delete.ts";
import { throwCollected, withSource } from "./failure.ts";
import { changeQuery, fieldValidation, isSet } from "./flags.ts";
import { textAt, withMember } from "./json.ts";
import type { Target } from "./targets.ts";

/** `kubectl replace`: the manifest takes the object's place; with `--force`, after the object was deleted. */
export async function replace(command: Command): Promise<CommandResult> {
  const { targets, errors: given, isSingle } = await targetsOf(command);
  const errors = [...given];
  const isForced = isSet(command.options, "force");
  if (isForced) {
    throwCollected(errors);
    await deleteTargets(command, targets, { ignoresMissing: false, waits: true });
  }
  const act = isForced ? recreate : replaceOne;
  const acted = await forEach(targets, errors, command.signal, (target) => act(command, target));
  throwCollected(errors);
  return { acted, isSingle: isSingle && acted.length === 1 };
}

async function replaceOne({ objects, options }: Command, target: Target): Promise<ActedOn> {
  const query = { ...changeQuery(options, "kubectl-replace"), fieldValidation: fieldValidation(options) };
  const subresource = options.flags.get("subresource");
  const manifest = annotated(target.object ?? {}, isSet(options, "save-config"));
  const version = textAt(manifest, "metadata", "resourceVersion");
  try {
    const current = version === "" ? await presentVersion() : version;
    const next = current === "" ? manifest : withMember(manifest, ["metadata", "resourceVersion"], current);
    return made(target, await objects.replace(target, next, query, subresource));
  } catch (error) {
    throw withSource("replacing", target.source, error);
  }

  /** Empty where the object cannot be read: the server then says what is wrong. */
  async function presentVersion(): Promise<string> {
    try {
      return textAt((await objects.get(target, subresource)).value, "metadata", "resourceVersion");
    } catch (error) {
      if (isExecutorError(error, "NotFound", "Forbidden")) return "";
      throw error;
    }
  }
}

async function recreate({ objects, options }: Command, target: Target): Promise<ActedOn> {
  const query = { ...changeQuery(options, "kubectl-replace"), fieldValidation: fieldValidation(options) };
  const manifest = annotated(target.object ?? {}, isSet(options, "save-config"));
  return made(target, await objects.create(target, withoutVersion(manifest), query));
}
