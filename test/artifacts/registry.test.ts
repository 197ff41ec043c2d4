import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import { errorText } from "../../src/errors/index.ts";
import { keysOf, surroundings } from "../drivers/surroundings.ts";

const never = new AbortController().signal;

describe("the driver of a location", () => {
  it("is that of the first type present, in Argo's order, whatever the object's", async () => {
    const both = { name: "x", raw: { data: "raw" }, http: { url: "http://127.0.0.1:1/x" } };

    await using driver = await openDriver(both, surroundings());

    // http goes before raw, and only raw cannot be saved to.
    const content = { name: "x", sizeBytes: 0, replayable: true, open: () => Readable.from([]) };
    const failure = await driver.saveFile(both, content, never).catch(errorText);
    assert.doesNotMatch(String(failure), /Raw output/);
  });

  it("is refused by the artifact's name where there is no type", async () => {
    await assert.rejects(openDriver({ name: "model" }, surroundings()), {
      code: "BadRequest",
      message: "Unsupported artifact driver for model",
    });
  });

  it("says which operations its store lacks, in the words that users know", async () => {
    const artifact = { name: "x", path: "/x", raw: { data: "abc" } };
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(driver.delete(artifact, never), /delete not supported for this artifact storage/);
    await assert.rejects(keysOf(driver, artifact, never), /ListObjects is currently not supported/);
    const outcomes = await driver.deleteMany([artifact, artifact], never);
    assert.equal(outcomes.length, 2);
    assert.ok(outcomes.every((outcome) => outcome instanceof Error));
  });

  it("writes a closing line for each call, with artifact, duration and error", async () => {
    const context = surroundings();
    const artifact = { name: "x", path: "/x", raw: { data: "abc" } };
    await using driver = await openDriver(artifact, context);

    const stored = await driver.open(artifact, never);
    assert.equal(stored.kind, "file");
    if (stored.kind === "file") assert.equal((await stored.openStream().toArray()).join(""), "abc");
    await driver.delete(artifact, never).catch(() => undefined);

    assert.deepEqual(
      context.lines.map(({ message }) => message),
      ["Load artifact", "Delete artifact"],
    );
    const [load, deletion] = context.lines.map(({ fields }) => fields);
    assert.equal(load?.artifactName, "x");
    assert.equal(load?.error, undefined);
    assert.ok("duration" in (load ?? {}));
    assert.match(String(deletion?.error), /delete not supported/);
  });
});
