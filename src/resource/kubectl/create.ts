import { ExecutorError } from "../../errors/index.ts";
import { type ActedOn, type Command, type CommandResult, forEach, targetsOf } from "./command.ts";
import { throwCollected, withSource } from "./failure.ts";
import { changeQuery, fieldValidation, isSet } from "./flags.ts";
import { type JsonObject, withMember } from "./json.ts";
import { hasLastApplied, withLastApplied } from "./last-applied.ts";
import type { Target } from "./targets.ts";

/** `kubectl create`: every object of the manifest is made; one that is there is an error. */
export async function create(command: Command): Promise<CommandResult> {
  const { targets, errors: given, isSingle } = await targetsOf(command);
  const errors = [...given];
  const acted = await forEach(targets, errors, command.signal, (target) => createOne(command, target));
  throwCollected(errors);
  if (acted.length === 0) throw new ExecutorError("BadRequest", "no objects passed to create");
  return { acted, isSingle: isSingle && acted.length === 1 };
}

async function createOne({ objects, options }: Command, target: Target): Promise<ActedOn> {
  const query = { ...changeQuery(options, "kubectl-create"), fieldValidation: fieldValidation(options) };
  const manifest = annotated(target.object ?? {}, isSet(options, "save-config"));
  try {
    return made(target, await objects.create(target, withoutVersion(manifest), query));
  } catch (error) {
    throw withSource("creating", target.source, error);
  }
}

/** With `--save-config`, or where the annotation is there already, it says what the manifest says now. */
export function annotated(manifest: JsonObject, saves: boolean): JsonObject {
  return saves || hasLastApplied(manifest) ? withLastApplied(manifest) : manifest;
}

/** A new object has no version, whatever its manifest was copied from. */
export function withoutVersion(manifest: JsonObject): JsonObject {
  return withMember(manifest, ["metadata", "resourceVersion"], undefined);
}

/** The object may have been given a name by the server. */
export function made(target: Target, object: ActedOn["object"]): ActedOn {
  const metadata = object.value.metadata as { readonly name?: string } | undefined;
  return { target: { ...target, name: metadata?.name ?? target.name }, object };
}
