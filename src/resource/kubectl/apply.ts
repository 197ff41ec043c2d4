import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError, errorText, isExecutorError } from "../../errors/index.ts";
import { refusalOf } from "../../kube/index.ts";
import { type ActedOn, type Command, type CommandResult, forEach, targetsOf } from "./command.ts";
import { made, withoutVersion } from "./create.ts";
import { deleteTargets } from "./delete.ts";
import { pathOf } from "./discovery.ts";
import { throwCollected, withSource } from "./failure.ts";
import { changeQuery, fieldValidation, isSet } from "./flags.ts";
import { type JsonObject, parseJson, textAt, writeJson } from "./json.ts";
import { threeWayMergePatch, withoutNullMembers } from "./json-merge.ts";
import { hasLastApplied, lastApplied, withLastApplied } from "./last-applied.ts";
import { type PatchSchema, patchSchemaOf } from "./patch-schema.ts";
import type { PatchType, Query, ServerObject } from "./requests.ts";
import { threeWayStrategicPatch } from "./strategic-merge.ts";
import type { Target } from "./targets.ts";

const conflictsMax = 5;
/** The first conflicts are tried again at once. */
const quickTries = 1;
const conflictPauseMs = 1000;

/** `kubectl apply`: makes what is missing, and merges the manifest into what is there. */
export async function apply(command: Command): Promise<CommandResult> {
  const { targets, errors: given, isSingle } = await targetsOf(command);
  const errors = [...given];
  if (targets.length === 0 && errors.length === 0)
    throw new ExecutorError("BadRequest", "no objects passed to apply");
  const isServerSide = isSet(command.options, "server-side");
  const acted = await forEach(targets, errors, command.signal, async (target) => {
    checkName(target);
    if (!isServerSide) return new ClientSideApply(command, target).run();
    const { applyServerSide } = await import("./apply-server-side.ts");
    return applyServerSide(command, target);
  });
  throwCollected(errors);
  return { acted, isSingle: isSingle && acted.length === 1 };
}

function checkName({ object, name }: Target): void {
  const generated = textAt(object, "metadata", "generateName");
  if (name !== "" || generated === "") return;
  throw new ExecutorError("BadRequest", `from ${generated}: cannot use generate name with apply`);
}

/** kubectl's three-way merge of what was applied last, the manifest, and the object as it is. */
class ClientSideApply {
  readonly #command: Command;
  readonly #target: Target;
  readonly #modified: JsonObject;
  readonly #query: Query;

  constructor(command: Command, target: Target) {
    this.#command = command;
    this.#target = target;
    this.#modified = withLastApplied(target.object ?? {});
    this.#query = {
      ...changeQuery(command.options, "kubectl-client-side-apply"),
      fieldValidation: fieldValidation(command.options),
    };
  }

  async run(): Promise<ActedOn> {
    const target = this.#target;
    const current = await this.#read();
    if (!current) return made(target, await this.#create());
    if (!hasLastApplied(current.value)) {
      this.#command.log.warn(
        { resource: `${target.mapping.resource}/${target.name}` },
        "the resource is missing the annotation kubectl.kubernetes.io/last-applied-configuration, which apply adds now",
      );
    }
    try {
      return { target, object: await this.#patchOrRecreate(current) };
    } catch (error) {
      throw withSource("patching", target.source, error);
    }
  }

  async #read(): Promise<ServerObject | undefined> {
    try {
      return await this.#command.objects.get(this.#target);
    } catch (error) {
      if (isExecutorError(error, "NotFound")) return undefined;
      const { mapping, name, namespace } = this.#target;
      const what = `retrieving current configuration of:\nResource: "${mapping.resource}", Name: "${name}", Namespace: "${namespace}"\nfrom server for:`;
      throw withSource(what, this.#target.source, error);
    }
  }

  async #create(): Promise<ServerObject> {
    try {
      const object = withoutVersion(withoutNullMembers(this.#modified));
      return await this.#command.objects.create(this.#target, object, this.#query);
    } catch (error) {
      throw withSource("creating", this.#target.source, error);
    }
  }

  async #patchOrRecreate(current: ServerObject): Promise<ServerObject> {
    try {
      return await this.#patch(current);
    } catch (error) {
      const isRefused = isExecutorError(error, "Conflict") || refusalOf(error)?.reason === "Invalid";
      if (!isRefused || !isSet(this.#command.options, "force")) throw error;
      await deleteTargets(this.#command, [this.#target], { ignoresMissing: true, waits: true });
      return this.#command.objects.create(this.#target, withoutVersion(this.#modified), this.#query);
    }
  }

  /** A conflict means that the object has changed meanwhile: it is read, and the patch made, again. */
  async #patch(first: ServerObject): Promise<ServerObject> {
    const { objects, signal } = this.#command;
    let current = first;
    for (let tries = 0; ; tries++) {
      const patch = await this.#patchFor(current.value);
      if (patch.json === "{}") return current;
      try {
        return await objects.patch(this.#target, patch, this.#query);
      } catch (error) {
        if (!isExecutorError(error, "Conflict") || tries >= conflictsMax) throw error;
        if (tries > quickTries) await sleep(conflictPauseMs, undefined, { signal });
        current = await objects.get(this.#target);
      }
    }
  }

  async #patchFor(current: JsonObject): Promise<{ type: PatchType; json: string }> {
    const original = lastApplied(current);
    const schema = await this.#schema();
    if (schema) {
      const patch = threeWayStrategicPatch(original, this.#modified, current, schema);
      return { type: "application/strategic-merge-patch+json", json: writeJson(patch) };
    }
    const patch = threeWayMergePatch(original, this.#modified, current);
    const metadata = patch.metadata as JsonObject | undefined;
    if (patch.apiVersion !== undefined || patch.kind !== undefined || metadata?.name !== undefined) {
      throw new ExecutorError("BadRequest", "At least one of apiVersion, kind and name was changed");
    }
    return { type: "application/merge-patch+json", json: writeJson(patch) };
  }

  /** The server's own merge rules: what it publishes is always of its version. Undefined: a custom resource. */
  async #schema(): Promise<PatchSchema | undefined> {
    const { client, log, signal } = this.#command;
    const { group, version } = this.#target.mapping;
    const path = `/openapi/v3${pathOf(group, version)}`;
    try {
      const text = await client.requestText({ method: "GET", path, accept: "application/json" }, signal);
      return patchSchemaOf(parseJson(text), this.#target.mapping);
    } catch (error) {
      if (!isExecutorError(error, "NotFound", "Forbidden")) throw error;
      log.warn({ error: errorText(error) }, "no merge rules are published: lists are replaced as a whole");
      return undefined;
    }
  }
}
