import { mapAhead } from "../../limits/index.ts";
import {
  type NamedArtifact,
  type StorePlace,
  selfAndAncestors,
  type WorkflowRecord,
  workflowTitle,
} from "../workflows/index.ts";
import type { OrphanRepository } from "./repository.ts";

/** An output that its workflow names and the store has not. */
export interface MissingOutput {
  readonly workflow: string;
  readonly key: string;
}

const looksAhead = 16;

/** Outputs that have to be in a repository, until they are seen there. */
export class ExpectedOutputs {
  readonly #repository: OrphanRepository;
  /** Keys that were not seen yet, with the workflow that names them. */
  readonly #keys = new Map<string, string>();
  #count = 0;
  #elsewhere = 0;

  constructor(repository: OrphanRepository) {
    this.#repository = repository;
  }

  /** How many have to be there. */
  get count(): number {
    return this.#count;
  }

  /** How many lie in other stores. */
  get elsewhere(): number {
    return this.#elsewhere;
  }

  /** Outputs of workflows that are done, as far as it is sure that they lie here and are wanted still. */
  addWorkflow(workflow: WorkflowRecord): void {
    if (workflow.isRunning) return;
    const title = workflowTitle(workflow);
    for (const artifact of workflow.artifacts) {
      if (artifact.nodeId === "" || artifact.role === "input" || artifact.isDeleted) continue;
      // An archived workflow is as it was when it ended: artifact GC came later.
      if (workflow.source === "archive" && isCollected(artifact.strategy)) continue;
      if (!this.#isHere(artifact, workflow.repository)) {
        this.#elsewhere += 1;
        continue;
      }
      this.#count += 1;
      this.#keys.set(artifact.key, title);
    }
  }

  see(key: string): void {
    if (this.#keys.size === 0) return;
    for (const expected of selfAndAncestors(key)) this.#keys.delete(expected);
  }

  /** What is missing once all of the store was seen; each is asked for, as it may have come since. */
  async *missing(signal: AbortSignal): AsyncGenerator<MissingOutput> {
    const unseen = mapAhead(this.#keys, looksAhead, async ([key, workflow]) => {
      return { key, workflow, isThere: await this.#repository.has(key, signal) };
    });
    for await (const { key, workflow, isThere } of unseen) if (!isThere) yield { workflow, key };
  }

  #isHere(artifact: NamedArtifact, own: StorePlace | undefined): boolean {
    const { type, endpoint, bucket, prefix } = this.#repository;
    const place = artifact.isFull ? artifact : { ...own, ...filled(artifact) };
    // A folder holds a copy of whatever bucket.
    if (bucket === "") return artifact.key.startsWith(prefix);
    return (
      (place.type ?? type) === type &&
      [bucket, ""].includes(place.bucket ?? "") &&
      [endpoint, ""].includes(place.endpoint ?? "") &&
      artifact.key.startsWith(prefix)
    );
  }
}

function isCollected(strategy: NamedArtifact["strategy"]): boolean {
  return strategy === "OnWorkflowCompletion" || strategy === "OnWorkflowDeletion";
}

/** What a location says itself goes before what its repository says. */
function filled({ type, endpoint, bucket }: StorePlace): Partial<StorePlace> {
  return { type, ...(endpoint && { endpoint }), ...(bucket && { bucket }) };
}
