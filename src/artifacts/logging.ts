import type { Readable } from "node:stream";
import { errorText } from "../errors/index.ts";
import { type Artifact, getKey } from "../template/index.ts";
import type { ArtifactDriver, DriverLog, StoredArtifact } from "./driver.ts";

/**
 * Writes the closing line of each driver call, with the fields and messages that users and support guides search for
 * (docs/contract/artifacts.md#1).
 */
export function withLogging(driver: ArtifactDriver, log: DriverLog): ArtifactDriver {
  const close = (message: string, artifact: Artifact, startedMs: number, error?: unknown) => {
    const outcome = error === undefined || error === null ? {} : { error: errorText(error) };
    const duration = durationSince(startedMs);
    log.info({ artifactName: artifact.name, key: keyOf(artifact), duration, ...outcome }, message);
  };
  const logged = async <T>(message: string, artifact: Artifact, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    try {
      const result = await work();
      close(message, artifact, startedMs);
      return result;
    } catch (error) {
      close(message, artifact, startedMs, error);
      throw error;
    }
  };
  return {
    /** An artifact is loaded when its last byte is, not when it was found. */
    async open(artifact, signal): Promise<StoredArtifact> {
      const startedMs = performance.now();
      let stored: StoredArtifact;
      try {
        stored = await driver.open(artifact, signal);
      } catch (error) {
        close("Load artifact", artifact, startedMs, error);
        throw error;
      }
      if (stored.kind === "directory") {
        const { download } = stored;
        return { ...stored, download: (path) => logged("Load artifact", artifact, () => download(path)) };
      }
      const logOpen = (openStream: () => Readable) => () => {
        const stream = openStream();
        stream.once("close", () => close("Load artifact", artifact, startedMs, stream.errored));
        return stream;
      };
      if (stored.kind === "either") {
        const { loadTo, openStream } = stored;
        return {
          ...stored,
          loadTo: (place) => logged("Load artifact", artifact, () => loadTo(place)),
          openStream: logOpen(openStream),
        };
      }
      const { openStream, saveTo } = stored;
      return {
        ...stored,
        ...(saveTo && { saveTo: (path: string) => logged("Load artifact", artifact, () => saveTo(path)) }),
        openStream: logOpen(openStream),
      };
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
      const failed = outcomes.filter((outcome) => outcome !== undefined).length;
      // One line for all of them: ten thousand cost a tenth of a second of CPU. Failures are the caller's to name.
      const counts = { artifacts: artifacts.length, failed };
      log.info({ ...counts, duration: durationSince(startedMs) }, "Delete artifact");
      return outcomes;
    },
    ...(driver.withdraw && {
      withdraw: (artifacts, signal) => driver.withdraw?.(artifacts, signal) ?? Promise.resolve([]),
    }),
    ...(driver.expectStreams && { expectStreams: async (signal) => await driver.expectStreams?.(signal) }),
    async *list(artifact, signal) {
      const startedMs = performance.now();
      try {
        yield* driver.list(artifact, signal);
      } catch (error) {
        close("List objects", artifact, startedMs, error);
        throw error;
      }
      close("List objects", artifact, startedMs);
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
