import { access } from "node:fs/promises";
import { ExecutorError } from "../errors/index.ts";
import { publishFile } from "../files/index.ts";
import {
  type KubeClient,
  type NodeIdentity,
  type OwnOutcome,
  objectBytesMax,
  reportOwnWork,
  TaskResult,
} from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import { containerFiles, type PodPaths } from "../podfiles/index.ts";
import { type Outputs, type ResourceTemplate, savesLogs, type Template } from "../template/index.ts";
import { span } from "../tracing/index.ts";
import { kubectlArguments } from "./arguments.ts";
import { awaitConditions } from "./await-conditions.ts";
import { readConditions } from "./conditions.ts";
import type { Following } from "./follow-object.ts";
import type { ActedOn, CommandResult } from "./kubectl/command.ts";
import type { Action } from "./kubectl/flags.ts";
import { Objects } from "./kubectl/requests.ts";
import { runKubectl } from "./kubectl/run.ts";
import { readOutputParameters } from "./output-parameters.ts";

export interface ResourceConfig {
  readonly action: Action;
  readonly template: Template;
  readonly identity: NodeIdentity;
  readonly paths: PodPaths;
  /** `RESOURCE_STATE_CHECK_INTERVAL` in milliseconds: how often an object is read that cannot be watched. */
  readonly checkIntervalMs: number;
}

export interface ResourceTools {
  readonly openKube: () => Promise<KubeClient>;
  readonly log: Logger;
}

/**
 * The main container of a resource template (docs/contract/roles.md#2.3): kubectl's action, then the conditions, then the
 * output parameters.
 */
export async function runResource(
  config: ResourceConfig,
  tools: ResourceTools,
  signal: AbortSignal,
): Promise<OwnOutcome> {
  const { log } = tools;
  await using kube = await tools.openKube();
  const taskResult = new TaskResult(kube, config.identity);
  const work = () => act(config, tools, kube, signal);
  return await reportOwnWork({ taskResult, log, work, finalizes: () => finalizesItself(config) }, signal);
}

/** What is to be reported; undefined where the template has no output parameters. */
async function act(
  { action, template, paths, checkIntervalMs }: ResourceConfig,
  { log }: ResourceTools,
  client: KubeClient,
  signal: AbortSignal,
): Promise<Outputs | undefined> {
  const resource = template.resource ?? {};
  const parameters = template.outputs?.parameters ?? [];
  const waits = Boolean(resource.successCondition || resource.failureCondition);
  if (action === "delete" && (waits || parameters.length > 0)) {
    throw new ExecutorError(
      "BadRequest",
      "successCondition, failureCondition and outputs are not supported for delete action",
    );
  }
  const manifestPath = await span("stageFiles", {}, () => manifestFile(template, paths));
  const line = await kubectlArguments(action, resource, manifestPath);
  const result = await span("actOnResource", { "resource.action": action }, () =>
    runKubectl(action, line, client, log, signal),
  );
  for (const { target } of result.acted) {
    log.info(
      { namespace: target.namespace, resource: `${target.mapping.resource}/${target.name}` },
      `resource ${action}`,
    );
  }
  if (action === "delete") return undefined;
  const following = { client, log, intervalMs: checkIntervalMs };
  const states = await finalStates(
    resource,
    result,
    following,
    { isRead: action !== "get" && parameters.length > 0 },
    signal,
  );
  if (parameters.length === 0) return undefined;
  const values = await span("readOutputParameters", { parameters: parameters.length }, () =>
    readOutputParameters(parameters, printed(result, states)),
  );
  const { artifacts: _, ...declared } = template.outputs ?? {};
  return withinLimit({ ...declared, parameters: values });
}

/** Where kubectl finds the manifest: what the template says, staged here, or an input artifact. */
async function manifestFile({ resource, inputs }: Template, paths: PodPaths): Promise<string> {
  const name = resource?.manifestFrom?.artifact?.name;
  if (!name) {
    await publishFile(paths.manifest, resource?.manifest ?? "", 0o644);
    return paths.manifest;
  }
  return inputs?.artifacts?.find((artifact) => artifact.name === name)?.path ?? paths.manifest;
}

/** The JSON of each object when its conditions hold; without conditions as it is now, where anybody needs that. */
async function finalStates(
  resource: ResourceTemplate,
  { acted }: CommandResult,
  following: Following,
  { isRead }: { readonly isRead: boolean },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const judge = await readConditions(resource);
  const objects = new Objects(following.client, signal);
  const state = async ({ target, object }: ActedOn) => {
    const { mapping, namespace, name } = target;
    const attributes = () => ({
      "k8s.kind": mapping.resource,
      "k8s.namespace.name": namespace,
      "k8s.name": name,
    });
    if (judge) {
      const wait = () => awaitConditions(target, judge, following, signal);
      return span("awaitConditions", attributes, wait);
    }
    return isRead ? (await objects.get(target)).text : object.text;
  };
  // The first failure ends the step: the others need not be waited for.
  return Promise.all(acted.map(state));
}

/** What `kubectl get -o json` prints: one object, or a list of them; undefined for none. */
function printed({ isSingle, acted }: CommandResult, states: readonly string[]): string | undefined {
  const [only] = states;
  if (only === undefined) return undefined;
  if (isSingle && acted.length === 1) return only;
  return `{"apiVersion":"v1","items":[${states.join(",")}],"kind":"List","metadata":{"resourceVersion":""}}`;
}

function withinLimit(outputs: Outputs): Outputs {
  const bytes = Buffer.byteLength(JSON.stringify(outputs));
  if (bytes <= objectBytesMax) return outputs;
  const sizes = (outputs.parameters ?? []).map(({ name, value }) => `${name}: ${String(value ?? "").length}`);
  throw new ExecutorError(
    "TooLarge",
    `the output parameters are ${bytes} bytes (${sizes.join(", ")}); a task result can hold ${objectBytesMax}: choose less of the object`,
  );
}

/**
 * Who sets the label that releases the controller. Where logs are archived it is the auxiliary container, after the
 * upload; but controllers of Argo 3.5 and 3.6 add none to such pods. One that runs holds its lock since before main
 * began (docs/contract/roles.md#D-19).
 */
async function finalizesItself({ template, paths }: ResourceConfig): Promise<boolean> {
  if (!savesLogs(template)) return true;
  const locks = ["wait", "supervisor"].map((name) => paths.containerFile(name, containerFiles.lock));
  const found = await Promise.allSettled(locks.map((lock) => access(lock)));
  return found.every(({ status }) => status === "rejected");
}
