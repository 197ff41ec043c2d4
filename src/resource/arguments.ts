import { ExecutorError } from "../errors/index.ts";
import type { ResourceTemplate } from "../template/index.ts";
import { readManifestFile } from "./kubectl/documents.ts";
import type { Action } from "./kubectl/flags.ts";
import { isObject, memberOf } from "./kubectl/json.ts";
import { readYaml } from "./kubectl/yaml.ts";

const actions: readonly string[] = ["get", "create", "apply", "delete", "replace", "patch"];

/** The command's positional argument. Throws BadRequest. */
export function parseAction(text: string | undefined): Action {
  if (text !== undefined && actions.includes(text)) return text as Action;
  const form = `argoexec resource takes one action: ${actions.join(", ")}`;
  throw new ExecutorError("BadRequest", text === undefined ? form : `${form}; not ${JSON.stringify(text)}`);
}

/**
 * kubectl's command line for a template (docs/contract/roles.md#2.4). Throws BadRequest where there is neither a manifest nor
 * flags, or a patch that is no YAML mapping.
 */
export async function kubectlArguments(
  action: Action,
  { flags = [], mergeStrategy = "" }: ResourceTemplate,
  manifestPath: string,
): Promise<readonly string[]> {
  const manifest = await readManifestFile(manifestPath);
  if (manifest === "" && flags.length === 0) {
    throw new ExecutorError("BadRequest", "Must provide at least one of flags or manifest.");
  }
  const file = manifest === "" ? [] : ["-f", manifestPath];
  if (action === "delete") return ["--ignore-not-found", ...flags, ...file, "-o", "name"];
  if (action !== "patch") return [...flags, ...file, "-o", "json"];
  const strategy = mergeStrategy || "strategic";
  const names = manifest !== "" && (await namesItsObject(manifest, strategy, flags)) ? file : [];
  return ["--type", strategy, "--patch-file", manifestPath, ...flags, ...names, "-o", "json"];
}

/** Whether the patch is at the same time the manifest that says what to patch. */
async function namesItsObject(
  manifest: string,
  strategy: string,
  flags: readonly string[],
): Promise<boolean> {
  if (strategy === "json") return false;
  const patch = await readYaml(manifest);
  if (!isObject(patch)) {
    throw new ExecutorError("BadRequest", `resource.manifest must be a YAML mapping for a ${strategy} patch`);
  }
  return flags.length === 0 || memberOf(patch, "kind") !== undefined;
}
