import { ExecutorError } from "../errors/index.ts";
import type { Artifact } from "../template/index.ts";
import type { ArtifactDriver, ListedObject } from "./driver.ts";

type Deletion = Pick<ArtifactDriver, "delete" | "deleteMany">;

const noDeletion =
  "delete not supported for this artifact storage, please check the following issue for details: " +
  "https://github.com/argoproj/argo-workflows/issues/3102";
const noListing =
  "ListObjects is currently not supported for this artifact type, but it will be in a future version";

export function deletionUnsupported(): ExecutorError {
  return new ExecutorError("Unsupported", noDeletion);
}

/** Deletion for stores without it (docs/contract/artifacts.md#1, E1). */
export const unsupportedDeletion: Deletion = {
  async delete() {
    throw deletionUnsupported();
  },
  async deleteMany(artifacts: readonly Artifact[]) {
    return artifacts.map(() => deletionUnsupported());
  },
};

/** Listing for stores without it (docs/contract/artifacts.md#E2). */
export function unsupportedListing(): AsyncIterable<ListedObject> {
  const next = () => Promise.reject(new ExecutorError("Unsupported", noListing));
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
