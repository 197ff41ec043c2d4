import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type CriteriaTexts,
  Owners,
  readCriteria,
  selectObjects,
  selectsWorkflow,
} from "../../src/sync/criteria/index.ts";
import { readWorkflow } from "../../src/sync/workflows/index.ts";
import { type WorkflowSketch, workflowObject } from "./workflow-objects.ts";

const hour = 3_600_000;
const nowMs = Date.parse("2026-06-01T00:00:00Z");
const sketches: readonly WorkflowSketch[] = [
  {
    name: "build-1",
    labels: { team: "red", "example.com/tier": "gold" },
    outputs: {
      binary: "build-1/build-1/binary.tgz",
      tree: "build-1/build-1/tree",
      "main-logs": "build-1/build-1/main.log",
    },
  },
  { name: "build-2", phase: "Failed", labels: { team: "blue" }, outputs: { binary: "custom/build-2.bin" } },
  {
    name: "train-1",
    namespace: "ml",
    inputs: { data: "build-1/build-1/binary.tgz" },
    outputs: { model: "train-1/train-1/model" },
  },
  { name: "gone-1", outputs: { old: { path: "/o", s3: { key: "gone-1/gone-1/old" }, deleted: true } } },
];
const keys = [
  "build-1/build-1/binary.tgz",
  "build-1/build-1/main.log",
  "build-1/build-1/tree/a/b",
  "build-1/build-1-lost-77/x",
  "custom/build-2.bin",
  "train-1/train-1/model",
  "gone-1/gone-1/old",
  "nobody/nobody/x",
  ".hidden/./odd//key",
];

/** The keys that the criteria select. */
async function selected(texts: CriteriaTexts, ageMs: number | "unknown" = hour): Promise<readonly string[]> {
  const criteria = await readCriteria(texts);
  const owners = new Owners("artifacts", ["{{workflow.name}}/{{pod.name}}"]);
  for (const sketch of sketches) {
    const workflow = await readWorkflow(workflowObject(sketch), "cluster");
    owners.add(workflow, selectsWorkflow(workflow, criteria));
  }
  owners.addCollected("train-1/train-1/model/collected");
  const selection = selectObjects(criteria, owners, nowMs);
  const object = { sizeBytes: 1, modifiedMs: ageMs === "unknown" ? undefined : nowMs - ageMs };
  return keys.filter((key) => selection.judge({ ...object, key }).isWanted);
}

describe("selection by what people know", () => {
  it("takes objects of workflows by name, namespace, labels and phase, named or by the form of their key", async () => {
    const build1 = keys.slice(0, 4);

    assert.deepEqual(await selected({ workflow: ["build-*"] }), [...build1, "custom/build-2.bin"]);
    assert.deepEqual(await selected({ namespace: ["ml"] }), ["train-1/train-1/model"]);
    assert.deepEqual(await selected({ phase: ["Failed", "Error"] }), ["custom/build-2.bin"]);
    assert.deepEqual(await selected({ selector: "team in (red, blue),team!=blue" }), build1);
    assert.deepEqual(await selected({ selector: "example.com/tier" }), build1);
    assert.deepEqual(await selected({ workflow: ["build-*"], selector: "!team" }), []);
  });

  it("takes artifacts by template and name, directories whole, and what another workflow reads from its maker alone", async () => {
    assert.deepEqual(await selected({ artifact: ["tree"] }), ["build-1/build-1/tree/a/b"]);
    assert.deepEqual(await selected({ artifact: ["binary"], template: ["main"] }), [keys[0], keys[4]]);
    assert.deepEqual(await selected({ template: ["other"] }), []);
    assert.deepEqual(await selected({ workflow: ["train-*"] }), ["train-1/train-1/model"]);
  });

  it("takes all without criteria, but what artifact GC deletes", async () => {
    assert.deepEqual(
      await selected({}),
      keys.filter((key) => !key.startsWith("gone-1")),
    );
  });

  it("takes objects by their age, and none whose age is not known", async () => {
    assert.equal((await selected({ olderThan: "1d" })).length, 0);
    assert.equal((await selected({ olderThan: "30m" })).length, 8);
    assert.equal((await selected({ newerThan: "30m" })).length, 0);
    assert.equal((await selected({ newerThan: "2h" })).length, 8);
    assert.deepEqual(await selected({ olderThan: "1h" }, "unknown"), []);
  });

  it("says why an object is left out, and that it sees a part only where workflows or ages decide", async () => {
    const owners = new Owners("artifacts", []);
    const judge = async (texts: CriteriaTexts) => {
      const selection = selectObjects(await readCriteria(texts), owners, nowMs);
      return {
        why: selection.judge({ key: "k", sizeBytes: 1, modifiedMs: nowMs }).why,
        isPartial: selection.isPartial,
      };
    };

    assert.deepEqual(await judge({ workflow: ["x"] }), {
      why: "of no workflow that is known",
      isPartial: true,
    });
    assert.deepEqual(await judge({ olderThan: "1h" }), { why: "younger than --older-than", isPartial: true });
    assert.deepEqual(await judge({}), { why: undefined, isPartial: false });
  });

  it("refuses what cannot be read, naming the flag", async () => {
    await assert.rejects(readCriteria({ phase: ["Done"] }), /--phase must be one of Pending, Running/);
    await assert.rejects(readCriteria({ selector: "a in" }), /--selector "a in": /);
    await assert.rejects(readCriteria({ olderThan: "soon" }), /--older-than/);
  });
});
