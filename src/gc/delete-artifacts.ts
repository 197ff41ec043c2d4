import type { ArtifactDriver } from "../artifacts/index.ts";
import { ExecutorError, errorText } from "../errors/index.ts";
import type { GcNode, GcResult, GcTask } from "../kube/index.ts";
import { type Artifact, type ArtifactLocation, locationType, relocate, withKey } from "../template/index.ts";

/** One artifact of a task. */
interface Item {
  readonly nodeId: string;
  readonly name: string;
  readonly artifact: Artifact;
}

export interface GcOutcome {
  readonly nodeId: string;
  readonly result: GcResult;
}

/** Keys that go to a driver at once: the store's largest request, and one patch of the task's status. */
const batchSize = 1000;

/** Stores that cannot delete (contract artifacts.md 1, E1). */
const withoutDelete = ["git", "http", "artifactory", "hdfs", "raw"];
const deleteUnsupported =
  "delete not supported for this artifact storage, please check the following issue for details: " +
  "https://github.com/argoproj/argo-workflows/issues/3102";

/**
 * Deletes every artifact of a task, those of one store and identity together. Yields the outcomes batch by batch, one
 * for each artifact whatever happens: an artifact that is not reported blocks the deletion of its workflow for ever
 * (contract roles.md 4.3).
 */
export async function* deleteArtifacts(
  task: GcTask,
  openDriver: (location: ArtifactLocation) => Promise<ArtifactDriver>,
  signal: AbortSignal,
): AsyncGenerator<readonly GcOutcome[]> {
  const { groups, failures } = groupByStore(task);
  if (failures.length > 0) yield failures;
  for (const items of groups) {
    let driver: ArtifactDriver;
    try {
      driver = await openDriver(items[0].artifact);
    } catch (error) {
      signal.throwIfAborted();
      yield items.map((item) => failed(item, error));
      continue;
    }
    await using _ = driver;
    for (let start = 0; start < items.length; start += batchSize) {
      yield await deleteBatch(driver, items.slice(start, start + batchSize), signal);
    }
  }
}

async function deleteBatch(
  driver: ArtifactDriver,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<readonly GcOutcome[]> {
  try {
    const artifacts = items.map(({ artifact }) => artifact);
    const outcomes = await driver.deleteMany(artifacts, signal);
    return items.map((item, index) => {
      const error = outcomes[index];
      return error === undefined ? deleted(item) : failed(item, error);
    });
  } catch (error) {
    signal.throwIfAborted();
    return items.map((item) => failed(item, error));
  }
}

/** Artifacts that differ in nothing but the key share a driver: its connections, its credentials, its requests. */
function groupByStore(task: GcTask): {
  groups: readonly (readonly [Item, ...Item[]])[];
  failures: GcOutcome[];
} {
  const groups = new Map<string, [Item, ...Item[]]>();
  const failures: GcOutcome[] = [];
  for (const [nodeId, node] of Object.entries(task.spec?.artifactsByNode ?? {})) {
    for (const [name, artifact] of Object.entries(node.artifacts ?? {})) {
      try {
        const item: Item = { nodeId, name, artifact: locate(artifact, node) };
        const store = storeOf(item.artifact);
        const group = groups.get(store);
        if (group) group.push(item);
        else groups.set(store, [item]);
      } catch (error) {
        failures.push(failed({ nodeId, name }, error));
      }
    }
  }
  return { groups: [...groups.values()], failures };
}

function locate(artifact: Artifact, node: GcNode): Artifact {
  const located = node.archiveLocation ? relocate(artifact, node.archiveLocation) : artifact;
  if (withoutDelete.includes(locationType(located) ?? ""))
    throw new ExecutorError("Unsupported", deleteUnsupported);
  return located;
}

/** A text that two locations share if, and only if, they are the same store seen with the same identity. */
function storeOf(artifact: Artifact): string {
  const type = locationType(artifact);
  return type === undefined ? "" : `${type} ${JSON.stringify(withKey(artifact, "")[type])}`;
}

function deleted({ nodeId, name }: Pick<Item, "nodeId" | "name">): GcOutcome {
  return { nodeId, result: { name, success: true } };
}

function failed({ nodeId, name }: Pick<Item, "nodeId" | "name">, error: unknown): GcOutcome {
  return { nodeId, result: { name, error: errorText(error) } };
}
