import { ExecutorError } from "../../errors/index.ts";
import { refusalOf } from "../../kube/index.ts";
import { type ActedOn, type Command, type CommandResult, forEach, targetsOf } from "./command.ts";
import { typeText } from "./discovery.ts";
import { readManifestFile } from "./documents.ts";
import { badFlag, throwCollected } from "./failure.ts";
import { changeQuery } from "./flags.ts";
import { type Json, parseJson, writeJson } from "./json.ts";
import type { PatchType } from "./requests.ts";
import type { Target } from "./targets.ts";
import { readYaml } from "./yaml.ts";

const types: Readonly<Record<string, PatchType>> = {
  strategic: "application/strategic-merge-patch+json",
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
};

/** `kubectl patch`: one patch for every object that is named. */
export async function patch(command: Command): Promise<CommandResult> {
  const { flags } = command.options;
  const name = (flags.get("type") ?? "strategic").toLowerCase();
  const type = types[name];
  if (type === undefined)
    throw badFlag(`--type must be one of [json merge strategic], not ${JSON.stringify(name)}`);
  const json = writeJson(await readPatch(command));
  const { targets, errors: given, isSingle } = await targetsOf(command);
  const errors = [...given];
  const acted = await forEach(targets, errors, command.signal, (target) =>
    patchOne(command, target, { type, json, subresource: flags.get("subresource") }),
  );
  throwCollected(errors);
  if (acted.length === 0) throw new ExecutorError("BadRequest", "no objects passed to patch");
  return { acted, isSingle: isSingle && acted.length === 1 };
}

async function readPatch({ options: { flags } }: Command): Promise<Json> {
  const file = flags.get("patch-file");
  const inline = flags.get("patch");
  if (inline !== undefined && file !== undefined)
    throw badFlag("cannot specify --patch and --patch-file together");
  const text = inline ?? (await readManifestFile(file ?? ""));
  try {
    return parseJson(text);
  } catch {
    return readYaml(text);
  }
}

async function patchOne(
  { objects, options }: Command,
  target: Target,
  body: Parameters<typeof objects.patch>[1],
): Promise<ActedOn> {
  try {
    return { target, object: await objects.patch(target, body, changeQuery(options, "kubectl-patch")) };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal?.httpStatus !== 415) throw error;
    const text = `${body.type} is not supported by ${typeText(target.mapping)}: ${refusal.message}`;
    throw new ExecutorError("BadRequest", text);
  }
}
