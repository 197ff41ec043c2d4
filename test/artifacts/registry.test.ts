import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { type DriverContext, openDriver } from "../../src/artifacts/index.ts";
import { errorText } from "../../src/errors/index.ts";
import { keysOf } from "../drivers/surroundings.ts";

const never = new AbortController().signal;

function context(): DriverContext & { readonly lines: (readonly [object, string])[] } {
  const lines: (readonly [object, string])[] = [];
  return {
    lines,
    readSecret: async () => new Uint8Array(),
    settings: {
      retry: { attempts: 1, durationMs: 1, factor: 1, jitter: 0 },
      memoryBytes: 2 ** 23,
      uploadThreads: 1,
      partSizeBytes: undefined,
      transientPattern: undefined,
      caPem: undefined,
      identityVariables: {},
      proxy: { httpProxy: undefined, httpsProxy: undefined, noProxy: undefined },
    },
    log: { debug() {}, warn() {}, info: (fields, message) => void lines.push([fields, message]) },
  };
}

describe("the driver of a location", () => {
  it("is that of the first type present, in Argo's order, whatever the object's", async () => {
    const both = { name: "x", raw: { data: "raw" }, http: { url: "http://127.0.0.1:1/x" } };

    await using driver = await openDriver(both, context());

    // http goes before raw, and only raw cannot be saved to.
    const content = { name: "x", sizeBytes: 0, replayable: true, open: () => Readable.from([]) };
    const failure = await driver.saveFile(both, content, never).catch(errorText);
    assert.doesNotMatch(String(failure), /Raw output/);
  });

  it("is refused by the artifact's name where there is no type", async () => {
    await assert.rejects(openDriver({ name: "model" }, context()), {
      code: "BadRequest",
      message: "Unsupported artifact driver for model",
    });
  });

  it("says which operations its store lacks, in the words that users know", async () => {
    const artifact = { name: "x", path: "/x", raw: { data: "abc" } };
    await using driver = await openDriver(artifact, context());

    await assert.rejects(driver.delete(artifact, never), /delete not supported for this artifact storage/);
    await assert.rejects(keysOf(driver, artifact, never), /ListObjects is currently not supported/);
    const outcomes = await driver.deleteMany([artifact, artifact], never);
    assert.equal(outcomes.length, 2);
    assert.ok(outcomes.every((outcome) => outcome instanceof Error));
  });

  it("writes a closing line for each call, with artifact, duration and error", async () => {
    const { lines, ...surroundings } = context();
    const artifact = { name: "x", path: "/x", raw: { data: "abc" } };
    await using driver = await openDriver(artifact, surroundings);

    const stored = await driver.open(artifact, never);
    assert.equal(stored.kind, "file");
    if (stored.kind === "file") assert.equal((await stored.openStream().toArray()).join(""), "abc");
    await driver.delete(artifact, never).catch(() => undefined);

    assert.deepEqual(
      lines.map(([, message]) => message),
      ["Load artifact", "Delete artifact"],
    );
    const [load, deletion] = lines.map(([fields]) => fields as Record<string, unknown>);
    assert.equal(load?.artifactName, "x");
    assert.equal(load?.error, undefined);
    assert.ok("duration" in (load ?? {}));
    assert.match(String(deletion?.error), /delete not supported/);
  });
});
