import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import { type Discovery, parseApiVersion, type ResourceMapping, typeText } from "./discovery.ts";
import { manifestObjects, readManifestFile } from "./documents.ts";
import { badFlag } from "./failure.ts";
import { fieldValidation, isSet, type KubectlOptions } from "./flags.ts";
import { type JsonObject, textAt, withMember } from "./json.ts";
import type { ObjectRef } from "./requests.ts";

/** One object that a command line is about. */
export interface Target extends ObjectRef {
  /** Where it was named: a file, or empty for the command line. */
  readonly source: string;
  /** The manifest, its namespace filled in; undefined where only the name is known. */
  readonly object: JsonObject | undefined;
}

/** Objects of a kind that are still to be listed. */
export interface Selection {
  readonly mapping: ResourceMapping;
  readonly namespace: string | undefined;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

export interface Targets {
  readonly targets: readonly Target[];
  readonly selections: readonly Selection[];
  /** What could not be made out; the rest is done all the same. */
  readonly errors: readonly unknown[];
  /** One object was asked for, and not a list. */
  readonly isSingle: boolean;
}

/** Makes out which objects are meant: those of the files, or those that the arguments name. */
export async function findTargets(
  options: KubectlOptions,
  discovery: Discovery,
  defaultNamespace: string,
): Promise<Targets> {
  const { args, files } = options;
  if (files.length > 0 && args.length > 0) {
    throw badFlag(
      "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
    );
  }
  return files.length > 0
    ? fromFiles(options, discovery, defaultNamespace)
    : fromArguments(options, discovery, defaultNamespace);
}

async function fromFiles(
  options: KubectlOptions,
  discovery: Discovery,
  defaultNamespace: string,
): Promise<Targets> {
  const targets: Target[] = [];
  const errors: unknown[] = [];
  const checks = fieldValidation(options) === "Strict";
  for (const path of options.files) {
    try {
      for (const each of await manifestObjects(await readManifestFile(path), path, checks)) {
        if ("error" in each) errors.push(each.error);
        else {
          const target = await fromObject(each.object, path, discovery);
          targets.push(placed(target, options, defaultNamespace));
        }
      }
    } catch (error) {
      if (!isExecutorError(error, "BadRequest", "NotFound")) throw error;
      errors.push(error);
    }
  }
  return { targets, selections: [], errors, isSingle: options.files.length === 1 };
}

async function fromObject(object: JsonObject, source: string, discovery: Discovery): Promise<Target> {
  const type = { ...parseApiVersion(textAt(object, "apiVersion")), kind: textAt(object, "kind") };
  const name = textAt(object, "metadata", "name");
  const namespace = textAt(object, "metadata", "namespace");
  const mapping = await discovery.ofKind(type);
  if (!mapping) {
    const [shown, place, from] = [name, namespace, source].map((text) => JSON.stringify(text));
    const [group] = typeText(type).split(",");
    throw new ExecutorError(
      "NotFound",
      `resource mapping not found for name: ${shown} namespace: ${place} from ${from}: no matches for kind ` +
        `${JSON.stringify(type.kind)} in version ${JSON.stringify(group)}\nensure CRDs are installed first`,
    );
  }
  return { mapping, namespace, name, source, object };
}

/** Fills the namespace in, in the object too; one that is given with `-n` must be the object's own. */
function placed(target: Target, options: KubectlOptions, defaultNamespace: string): Target {
  if (!target.mapping.isNamespaced) {
    const object = target.object && withMember(target.object, ["metadata", "namespace"], undefined);
    return { ...target, namespace: "", object };
  }
  const given = options.flags.get("namespace");
  const { namespace: own } = target;
  if (own !== "") {
    if (given === undefined || given === own) return target;
    const quoted = JSON.stringify(own);
    throw badFlag(
      `the namespace from the provided object ${quoted} does not match the namespace ${JSON.stringify(given)}. You ` +
        `must pass '--namespace=${own}' to perform this operation.`,
    );
  }
  const namespace = given ?? defaultNamespace;
  const object = target.object && withMember(target.object, ["metadata", "namespace"], namespace);
  return { ...target, namespace, object };
}

async function fromArguments(
  options: KubectlOptions,
  discovery: Discovery,
  defaultNamespace: string,
): Promise<Targets> {
  const { args, flags } = options;
  const named = namesOf(args);
  const selects = flags.has("selector") || flags.has("field-selector") || isSet(options, "all");
  const namespace = flags.get("namespace") ?? defaultNamespace;
  if (named.length === 0) {
    throw badFlag("You must provide one or more resources by argument or filename.");
  }
  if (selects && named.some(({ name }) => name !== undefined)) {
    throw badFlag("name cannot be provided when a selector is specified");
  }
  const targets: Target[] = [];
  const selections: Selection[] = [];
  for (const { type, name } of named) {
    const mapping = await discovery.ofArgument(type);
    const place = mapping.isNamespaced ? namespace : "";
    if (name !== undefined) {
      targets.push({ mapping, namespace: place, name, source: "", object: undefined });
    } else {
      const isEverywhere = isSet(options, "all-namespaces") || !mapping.isNamespaced;
      selections.push({
        mapping,
        namespace: isEverywhere ? undefined : place,
        labelSelector: flags.get("selector") ?? "",
        fieldSelector: flags.get("field-selector") ?? "",
      });
    }
  }
  return { targets, selections, errors: [], isSingle: targets.length === 1 && selections.length === 0 };
}

/** `pod a b`, `pod/a svc/b`, `pods,services`: each type with a name, or without. */
function namesOf(args: readonly string[]): readonly { type: string; name: string | undefined }[] {
  const slashed = args.filter((arg) => arg.includes("/"));
  if (slashed.length > 0) {
    if (slashed.length < args.length) {
      throw badFlag(
        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form",
      );
    }
    return args.map((arg) => {
      const [type = "", name = "", ...more] = arg.split("/");
      if (type === "" || name === "" || more.length > 0) {
        throw badFlag("arguments in resource/name form must have a single resource and name");
      }
      return { type, name };
    });
  }
  const [types = "", ...names] = args;
  const all = types.split(",").filter((type) => type !== "");
  if (names.length === 0) return all.map((type) => ({ type, name: undefined }));
  return all.flatMap((type) => names.map((name) => ({ type, name })));
}
