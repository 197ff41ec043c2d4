import { errorText } from "../errors/index.ts";
import { type Artifact, getKey } from "../template/index.ts";
import type { ArtifactDriver, DriverLog, StoredArtifact } from "./driver.ts";

/**
 * Writes the closing line of each driver call, with the fields and messages that users and support guides search for
 * (contract artifacts.md 1).
 */
export function withLogging(driver: ArtifactDriver, log: DriverLog): ArtifactDriver {
  const logged = async <T>(message: string, artifact: Artifact, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const fields = { artifactName: artifact.name, key: keyOf(artifact) };
    try {
      const result = await work();
      log.info({ ...fields, duration: durationSince(startedMs) }, message);
      return result;
    } catch (error) {
      log.info({ ...fields, duration: durationSince(startedMs), error: errorText(error) }, message);
      throw error;
    }
  };
  return {
    async open(artifact, signal): Promise<StoredArtifact> {
      return await logged("Load artifact", artifact, () => driver.open(artifact, signal));
    },
    async saveFile(artifact, content, signal) {
      await logged("Save artifact", artifact, () => driver.saveFile(artifact, content, signal));
    },
    async saveTree(artifact, tree, signal) {
      await logged("Save artifact", artifact, () => driver.saveTree(artifact, tree, signal));
    },
    async delete(artifact, signal) {
      await logged("Delete artifact", artifact, () => driver.delete(artifact, signal));
    },
    async deleteMany(artifacts, signal) {
      const startedMs = performance.now();
      const outcomes = await driver.deleteMany(artifacts, signal);
      const duration = durationSince(startedMs);
      artifacts.forEach((artifact, index) => {
        const error = outcomes[index];
        const outcome = error === undefined ? {} : { error: errorText(error) };
        log.info(
          { artifactName: artifact.name, key: keyOf(artifact), duration, ...outcome },
          "Delete artifact",
        );
      });
      return outcomes;
    },
    async list(artifact, signal) {
      return await logged("List objects", artifact, () => driver.list(artifact, signal));
    },
    async [Symbol.asyncDispose]() {
      await driver[Symbol.asyncDispose]();
    },
  };
}

function keyOf(artifact: Artifact): string {
  try {
    return getKey(artifact);
  } catch {
    // Raw and git artifacts have none.
    return "";
  }
}

/** As Go prints a time.Duration, rounded: `1.25s`, `35ms`. */
function durationSince(startedMs: number): string {
  const ms = performance.now() - startedMs;
  return ms >= 1000 ? `${Number((ms / 1000).toFixed(3))}s` : `${Number(ms.toFixed(1))}ms`;
}
