import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { artifactPluginInit } from "../../src/artifact-plugin-init/index.ts";
import type { InputLoader } from "../../src/inputs/index.ts";
import { PodPaths } from "../../src/podfiles/index.ts";
import { temporaryFolder } from "../drivers/surroundings.ts";

describe("the folder of a plugin's socket", () => {
  it("says what to mount where it cannot be made, as in an image with a read-only root", async (t) => {
    const root = await temporaryFolder(t);
    mkdirSync(join(root, "tmp"));
    // Nothing can be made below a file, whoever tries.
    writeFileSync(join(root, "tmp/artifact-plugins"), "");
    const loader = { paths: new PodPaths(root) } as InputLoader;
    const config = { template: { name: "main" }, plugin: "store", command: ["false"] };

    const done = artifactPluginInit(config, loader, AbortSignal.timeout(10_000));

    await assert.rejects(done, {
      message:
        /socket, .*\/tmp\/artifact-plugins\/store, cannot be made: .*; mount a volume, such as an emptyDir, at \/tmp$/,
    });
  });
});
