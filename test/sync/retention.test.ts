import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readRetention } from "../../src/sync/orphans/index.ts";
import { type Stage, startStage } from "./stage.ts";
import { workflowObject, workflowsResource } from "./workflow-objects.ts";

const cron = { "workflows.argoproj.io/cron-workflow": "nightly" };
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

async function furnish(stage: Stage): Promise<void> {
  for (const [name, phase, days, labels] of [
    ["n-1", "Succeeded", 40, cron],
    ["n-2", "Failed", 30, cron],
    ["n-3", "Succeeded", 20, cron],
    ["n-4", "Error", 10, cron],
    ["n-5", "Succeeded", 1, cron],
    ["single", "Succeeded", 50, {}],
  ] as const) {
    stage.create({
      name,
      phase,
      labels,
      finishedAt: daysAgo(days),
      outputs: { data: `${name}/${name}/data` },
    });
    await stage.put(`${name}/${name}/data`);
  }
}

/** Workflows whose artifacts the policy lets go of. */
async function expired(stage: Stage, rules: readonly string[], keepLast: number): Promise<readonly string[]> {
  const { totals } = await stage.find({ retention: readRetention(rules, keepLast) });
  return totals.workflows
    .entries()
    .map(([name]) => name.replace("argo/", ""))
    .sort();
}

describe("retention", () => {
  it("lets go of artifacts by phase and age; a phase that is not named is kept", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);

    assert.deepEqual(await expired(stage, ["Succeeded=7d"], 0), ["n-1", "n-3", "single"]);
    assert.deepEqual(await expired(stage, ["Succeeded=30d", "Failed=720h", "Error=5d"], 0), [
      "n-1",
      "n-2",
      "n-4",
      "single",
    ]);
    assert.deepEqual(await expired(stage, ["15d"], 0), ["n-1", "n-2", "n-3", "single"]);
    assert.deepEqual(await expired(stage, ["15d", "Failed=60d"], 0), ["n-1", "n-3", "single"]);
  });

  it("keeps the newest of each origin, whatever their age", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);

    assert.deepEqual(await expired(stage, ["0s"], 1), ["n-1", "n-2", "n-3", "n-4"]);
    assert.deepEqual(await expired(stage, [], 3), ["n-1", "n-2"]);
    assert.deepEqual(await expired(stage, ["35d"], 4), ["n-1"]);
  });

  it("counts a workflow that is live and archived once, and knows origins by template and generateName", async (t) => {
    const stage = await startStage(t);
    for (const [index, days] of [3, 2, 1].entries()) {
      const name = `g-${index}`;
      const outputs = { data: `${name}/${name}/data` };
      const sketch = { name, generateName: "g-", finishedAt: daysAgo(days), outputs };
      const live = stage.api.create({ ...workflowsResource, namespace: "argo" }, workflowObject(sketch));
      stage.archive({ ...sketch, uid: live.metadata.uid ?? "" });
      await stage.put(`g-${index}/g-${index}/data`);
    }

    assert.deepEqual(await expired(stage, [], 2), ["g-0"]);
  });

  it("keeps what another workflow reads, what runs, and what nobody knows", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    stage.create({ name: "reader", finishedAt: daysAgo(1), inputs: { data: "n-1/n-1/data" } });
    stage.create({
      name: "running",
      phase: "Running",
      createdAt: daysAgo(90),
      outputs: { data: "running/running/data" },
    });
    stage.create({
      name: "offloaded",
      finishedAt: daysAgo(90),
      status: { nodes: undefined, offloadNodeStatusVersion: "v" },
    });
    await stage.put("running/running/data", "offloaded/offloaded/data");

    assert.deepEqual(await expired(stage, ["15d"], 0), ["n-2", "n-3", "single"]);
  });

  it("is refused where it cannot be read", () => {
    assert.throws(() => readRetention(["Done=1d"], 0), /--retain takes one of Succeeded, Failed, Error/);
    assert.throws(() => readRetention(["Failed=soon"], 0), /--retain/);
  });
});
