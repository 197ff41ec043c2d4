import type { ArtifactDriver } from "../artifacts/index.ts";
import type { ArtifactLocation } from "../template/index.ts";
import { span } from "../tracing/index.ts";
import { type Batch, failed, type GcOutcome } from "./batches.ts";

export type OpenDriver = (location: ArtifactLocation) => Promise<ArtifactDriver>;

/** The drivers of a job: one for each store and identity, opened when it is first needed. */
export class Stores implements AsyncDisposable {
  readonly #open: OpenDriver;
  readonly #drivers = new Map<string, Promise<ArtifactDriver>>();

  constructor(open: OpenDriver) {
    this.#open = open;
  }

  driverOf({ store, items }: Batch): Promise<ArtifactDriver> {
    const driver = this.#drivers.get(store) ?? this.#open(items[0].artifact);
    this.#drivers.set(store, driver);
    return driver;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of await Promise.allSettled(this.#drivers.values())) {
      if (opening.status === "fulfilled") await opening.value[Symbol.asyncDispose]();
    }
  }
}

/**
 * Deletes the artifacts of a batch. Resolves to one outcome for each of them, whatever happens: an artifact that is not
 * reported blocks the deletion of its workflow for ever (docs/contract/roles.md#4.3). Throws only when stopped.
 */
export async function deleteBatch(
  stores: Stores,
  batch: Batch,
  signal: AbortSignal,
): Promise<readonly GcOutcome[]> {
  const { items } = batch;
  try {
    const driver = await stores.driverOf(batch);
    const artifacts = items.map(({ artifact }) => artifact);
    const errors = await span("deleteArtifacts", { artifacts: items.length }, () =>
      driver.deleteMany(artifacts, signal),
    );
    return items.map((item, index) => {
      const error = errors[index];
      return error === undefined
        ? { nodeId: item.nodeId, result: { name: item.name, success: true } }
        : failed(item, error);
    });
  } catch (error) {
    signal.throwIfAborted();
    return items.map((item) => failed(item, error));
  }
}
