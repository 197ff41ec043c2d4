import { rename, rmdir } from "node:fs/promises";
import type { ArtifactDriver, StoredArtifact } from "../../src/artifacts/index.ts";

/** Asks a store that does not say what it holds, so that one suite fits all. */
export function resolvingEither(driver: ArtifactDriver): ArtifactDriver {
  return {
    async open(artifact, signal): Promise<StoredArtifact> {
      const stored = await driver.open(artifact, signal);
      if (stored.kind !== "either") return stored;
      if (!(await stored.isDirectory())) {
        return { kind: "file", sizeBytes: undefined, openStream: stored.openStream };
      }
      const download = async (path: string) => {
        await rmdir(path);
        await stored.loadTo({ path: `${path}.aside`, seenBy: `${path}.aside` });
        await rename(`${path}.aside`, path);
      };
      return { kind: "directory", download };
    },
    saveFile: (...args) => driver.saveFile(...args),
    saveTree: (...args) => driver.saveTree(...args),
    delete: (...args) => driver.delete(...args),
    deleteMany: (...args) => driver.deleteMany(...args),
    list: (...args) => driver.list(...args),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}
