import type { KubeClient } from "../../kube/index.ts";
import type { Logger } from "../../log/index.ts";
import { Discovery } from "./discovery.ts";
import type { KubectlOptions } from "./flags.ts";
import { Objects, type ServerObject } from "./requests.ts";
import { findTargets, type Target, type Targets } from "./targets.ts";

/** What a kubectl command works with. */
export interface Command {
  readonly options: KubectlOptions;
  readonly client: KubeClient;
  readonly objects: Objects;
  readonly discovery: Discovery;
  readonly log: Logger;
  /** Where objects without a namespace belong. */
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/** An object that a command has read, made or changed. */
export interface ActedOn {
  readonly target: Target;
  readonly object: ServerObject;
}

export interface CommandResult {
  readonly acted: readonly ActedOn[];
  /** kubectl prints one object, and not a list of them. */
  readonly isSingle: boolean;
}

export function newCommand(
  options: KubectlOptions,
  client: KubeClient,
  log: Logger,
  signal: AbortSignal,
): Command {
  const discovery = new Discovery(client, signal);
  const objects = new Objects(client, signal);
  return { options, client, objects, discovery, log, namespace: client.namespace, signal };
}

export function targetsOf({ options, discovery, namespace }: Command): Promise<Targets> {
  return findTargets(options, discovery, namespace);
}

/** Does one thing to each object, whatever became of the one before. */
export async function forEach<T, R>(
  items: readonly T[],
  errors: unknown[],
  signal: AbortSignal,
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    try {
      results.push(await act(item));
    } catch (error) {
      signal.throwIfAborted();
      errors.push(error);
    }
  }
  return results;
}
