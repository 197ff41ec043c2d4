import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { access, readFile, writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import type { OrphanReport } from "../../src/sync/orphans/index.ts";
import { readRetention } from "../../src/sync/orphans/index.ts";
import { type Stage, startStage } from "./stage.ts";
import { type WorkflowSketch, workflowObject, workflowsResource } from "./workflow-objects.ts";

function counts({ totals }: OrphanReport): Record<string, number> {
  return Object.fromEntries(totals.verdicts.entries().map(([name, { objects }]) => [name, objects]));
}

async function listed({ list }: Stage): Promise<readonly string[]> {
  const lines = (await readFile(list, "utf8")).trim().split("\n").slice(1, -1);
  return lines.map((line) => JSON.parse(line).key);
}

/** A live workflow, an archived one, and what a deleted one has left. */
async function furnish(stage: Stage): Promise<void> {
  stage.create({ name: "live", outputs: { data: "live/live/data.tgz", "main-logs": "live/live/main.log" } });
  stage.archive({ name: "old", uid: "uid-old", outputs: { data: "old/old-main-1/data.tgz" } });
  await stage.put("live/live/data.tgz", "live/live/main.log", "old/old-main-1/data.tgz");
  await stage.put("gone/gone/data.tgz", "gone/gone/main.log", "gone-2/gone-2-main-77/dir/a");
}

describe("sync orphans: what it finds", () => {
  it("is objects of workflows that are neither live nor archived, logs and directories included, with counts by workflow", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);

    const report = await stage.find();

    assert.deepEqual(await listed(stage), [
      "gone-2/gone-2-main-77/dir/a",
      "gone/gone/data.tgz",
      "gone/gone/main.log",
    ]);
    assert.deepEqual(counts(report), { orphan: 3, named: 3 });
    assert.deepEqual(report.totals.workflows.get("gone"), { objects: 2, bytes: 36 });
    assert.deepEqual([report.facts.live, report.facts.archived], [1, 1]);
    assert.equal((await stage.keys()).length, 6);
  });

  it("is not what nothing says a workflow made, unless a pattern asks for it", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.put("datasets/train.csv", "readme.txt", "models/v1/weights.bin", "/odd//key", "gone/other/x");

    const report = await stage.find();
    const asked = await stage.find({
      selection: { ...stage.search.selection, includes: (key) => key.startsWith("models/") },
    });

    assert.deepEqual(counts(report), { orphan: 3, named: 3, foreign: 5 });
    assert.deepEqual(counts(asked), { orphan: 4, named: 3, foreign: 4 });
    assert.ok((await listed(stage)).includes("models/v1/weights.bin"));
  });

  it("is not what a known workflow has left without naming it, as of a pod whose report was lost", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.put("live/live-retry-123/data.tgz", "old/old-main-2/data.tgz");

    assert.deepEqual(counts(await stage.find()), { orphan: 3, named: 3, unnamed: 2 });
  });

  it("is not what another workflow, a template or a cache uses as its input", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.put("lost/lost/model.tgz", "lost/lost/set/part-1", "lost/lost/cached.tgz");
    const { api, create } = stage;
    create({ name: "reader", inputs: { model: "lost/lost/model.tgz" } });
    const artifacts = [{ name: "set", s3: { key: "lost/lost/set" } }];
    api.create(
      { group: "argoproj.io", version: "v1alpha1", resource: "workflowtemplates", namespace: "argo" },
      { metadata: { name: "template" }, spec: { templates: [{ name: "t", inputs: { artifacts } }] } },
    );
    const entry = { outputs: { artifacts: [{ name: "cached", s3: { key: "lost/lost/cached.tgz" } }] } };
    api.create(
      { group: "", version: "v1", resource: "configmaps", namespace: "argo" },
      {
        metadata: { name: "cache", labels: { "workflows.argoproj.io/configmap-type": "Cache" } },
        data: { entry: JSON.stringify(entry) },
      },
    );

    assert.deepEqual(counts(await stage.find()), { orphan: 3, named: 6 });
  });

  it("is not what a workflow names with a slash too many, which drivers clean", async (t) => {
    const stage = await startStage(t);
    const outputs = { a: "/lost/lost/a", b: "lost//lost/b", c: "./lost/lost/c" };
    stage.create({ name: "wf", outputs });
    await stage.put("lost/lost/a", "lost/lost/b", "lost/lost/c", "lost/lost/d");

    assert.deepEqual(counts(await stage.find()), { named: 3, orphan: 1 });
  });

  it("is told by uids, and by names where a retried workflow has a new uid", async (t) => {
    const stage = await startStage(t, { keyFormat: "{{workflow.uid}}/{{workflow.name}}/{{pod.name}}" });
    const [known, other] = [randomUUID(), randomUUID()];
    stage.create({ name: "wf", uid: known });
    await stage.put(`${known}/wf/wf/x`, `${other}/wf/wf/x`, `${other}/gone/gone/x`, `not-a-uid/gone/gone/x`);

    assert.deepEqual(counts(await stage.find()), { unnamed: 2, orphan: 1, foreign: 1 });
  });

  it("is told by the repository's own key format, and by those that it had before", async (t) => {
    const keyFormat =
      "runs/{{workflow.creationTimestamp.Y}}/{{workflow.namespace}}/{{workflow.name}}/{{pod.name}}";
    const stage = await startStage(t, { keyFormat });
    stage.create({ name: "live", namespace: "team-a" });
    await stage.put(
      "runs/2026/team-a/live/live/x",
      "runs/2026/team-b/live/live/x",
      "runs/2026/team-a/gone/gone/x",
    );
    await stage.put("runs/2026/team-a/gone/stranger/x", "gone/gone/x");

    const first = await stage.find();
    const both = await stage.find({ formerKeyFormats: ["{{workflow.name}}/{{pod.name}}"] });

    assert.deepEqual(counts(first), { unnamed: 1, orphan: 2, foreign: 2 });
    assert.deepEqual(
      first.totals.workflows
        .entries()
        .map(([name]) => name)
        .sort(),
      ["team-a/gone", "team-b/live"],
    );
    assert.deepEqual(counts(both), { unnamed: 1, orphan: 3, foreign: 1 });
  });

  it("is nothing that a workflow with unknown or coming outputs may have written", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    stage.create({ name: "offloaded", status: { nodes: undefined, offloadNodeStatusVersion: "v" } });
    stage.create({
      name: "running",
      phase: "Running",
      spec: {
        templates: [
          { name: "t", outputs: { artifacts: [{ name: "r", s3: { key: "lost/lost/{{workflow.name}}" } }] } },
        ],
      },
    });
    await stage.put(
      "offloaded/offloaded-x-1/data.tgz",
      "running/running-x-1/data.tgz",
      "lost/lost/running-result",
    );

    const known = await stage.find();
    stage.create({
      name: "anywhere",
      phase: "Running",
      spec: {
        templates: [
          { name: "t", outputs: { artifacts: [{ name: "r", s3: { key: "{{inputs.parameters.k}}" } }] } },
        ],
      },
    });
    const unknown = await stage.find();

    assert.deepEqual(counts(known), { orphan: 3, named: 3, unnamed: 3 });
    assert.deepEqual(counts(unknown), { uncertain: 3, named: 3, unnamed: 3 });
    assert.match(unknown.totals.uncertain.entries()[0]?.[0] ?? "", /argo\/anywhere may have written it/);
    assert.match(known.facts.unknown[0] ?? "", /argo\/offloaded: its nodes are offloaded/);
  });

  it("knows offloaded nodes where the Argo server has them", async (t) => {
    const stage = await startStage(t);
    const status = { nodes: undefined, offloadNodeStatusVersion: "v" };
    const make = (sketch: WorkflowSketch) =>
      stage.api.create({ ...workflowsResource, namespace: "argo" }, workflowObject(sketch));
    const live = make({ name: "offloaded", status });
    make({ name: "other", status });
    const sketch = {
      name: "offloaded",
      uid: live.metadata.uid ?? "",
      status: { offloadNodeStatusVersion: "v" },
    };
    stage.argo.live.push(workflowObject({ ...sketch, outputs: { data: "custom/data" } }));
    // A workflow of the same name that was made since is another one.
    stage.argo.live.push(workflowObject({ name: "other", outputs: { data: "custom/other" } }));
    await stage.put("custom/data", "custom/other");

    const report = await stage.find();

    assert.deepEqual(counts(report), { named: 1, foreign: 1 });
    assert.equal(report.facts.unknownCount, 1);
  });

  it("is nothing of a namespace that was not read, unless the repository is said to be theirs alone", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    const sources = { ...stage.search.sources, namespaces: ["argo"] };

    assert.deepEqual(counts(await stage.find({ sources })), { uncertain: 3, named: 3 });
    assert.deepEqual(counts(await stage.find({ sources, isExclusive: true })), { orphan: 3, named: 3 });
  });

  it("is, too, outputs whose object is gone: of workflows that are done, in this store, and not collected", async (t) => {
    const stage = await startStage(t);
    const elsewhere = { path: "/x", s3: { endpoint: "s3.example.com", bucket: "other", key: "x" } };
    const outputs = {
      there: "wf/wf/there.tgz",
      directory: "wf/wf/dir",
      lost: "wf/wf/lost.tgz",
      collected: { path: "/c", s3: { key: "wf/wf/collected" }, deleted: true },
      elsewhere,
    };
    stage.create({ name: "wf", outputs });
    stage.create({ name: "running", phase: "Running", outputs: { coming: "running/running/coming" } });
    stage.archive({
      name: "old",
      uid: "u",
      outputs: { gc: "old/old/gc" },
      spec: { artifactGC: { strategy: "OnWorkflowDeletion" } },
    });
    await stage.put("wf/wf/there.tgz", "wf/wf/dir/a/b");

    const report = await stage.find();

    assert.deepEqual(report.missing, [{ workflow: "argo/wf", key: "wf/wf/lost.tgz" }]);
    assert.deepEqual([report.expectedOutputs, report.outputsElsewhere, report.missingCount], [3, 1, 1]);
  });

  it("leaves no list behind where the store's listing or that of the workflows fails", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);

    stage.store.addFault({ match: { method: "GET" }, kind: "status", status: 403, code: "AccessDenied" });
    await assert.rejects(stage.find());
    stage.store.clearFaults();
    stage.api.addFault({ match: { resource: "workflows" }, kind: "status", status: 403 });
    await assert.rejects(stage.find());
    stage.api.clearFaults();
    stage.argo.breakNextList("{}");
    await assert.rejects(stage.find());

    await assert.rejects(access(stage.list));
  });
});

describe("sync orphans --delete", () => {
  it("deletes what the list names and what is an orphan still, and nothing else", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.find();
    await stage.put("later/later/data.tgz", "gone/gone/data.tgz/below");

    const report = await stage.remove();

    assert.equal(report.refused, undefined);
    assert.deepEqual(report.outcome?.counts.get("deleted"), { objects: 3, bytes: 63 });
    assert.deepEqual(await stage.keys(), [
      "gone/gone/data.tgz/below",
      "later/later/data.tgz",
      "live/live/data.tgz",
      "live/live/main.log",
      "old/old-main-1/data.tgz",
    ]);
  });

  it("keeps what has changed since, and does not mind what is gone", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.put("gone/gone/same-size");
    await stage.find();
    const { repository } = stage.search;
    await repository.delete(["gone/gone/main.log"], new AbortController().signal);
    await stage.rewrite("gone/gone/same-size", "GONE/GONE/SAME-SIZE");

    const report = await stage.remove();

    assert.equal(report.outcome?.counts.get("changed").objects, 1);
    assert.equal(report.outcome?.counts.get("gone").objects, 1);
    assert.equal(report.outcome?.counts.get("deleted").objects, 2);
    assert.ok((await stage.keys()).includes("gone/gone/same-size"));
  });

  it("keeps what has found a workflow since the list was made: live, archived, as an input, or for a GC task", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.put("g1/g1/x", "g2/g2/x", "g3/g3/x");
    await stage.find();
    stage.create({ name: "gone", phase: "Running" });
    stage.archive({ name: "gone-2", uid: "uid-2" });
    stage.create({ name: "reader", inputs: { x: "g1/g1/x" } });
    stage.api.create(
      { group: "argoproj.io", version: "v1alpha1", resource: "workflowartifactgctasks", namespace: "argo" },
      {
        metadata: { name: "task" },
        spec: { artifactsByNode: { n: { artifacts: { x: { name: "x", s3: { key: "g2/g2/x" } } } } } },
      },
    );

    const report = await stage.remove();

    assert.equal(report.outcome?.counts.get("kept").objects, 5);
    assert.equal(report.outcome?.counts.get("deleted").objects, 1);
    assert.equal((await stage.keys()).includes("g3/g3/x"), false);
  });

  it("keeps what a workflow claims that is made between the inventory and the deletion", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.find();
    // The tasks of artifact GC are what the inventory reads last.
    stage.api.clearRequests();
    const isInventoried = stage.api.waitForRequest(
      ({ path, isDone }) => isDone && path.includes("workflowartifactgctasks"),
    );
    void isInventoried.then(() => stage.create({ name: "gone", phase: "Running" }));

    const report = await stage.remove();

    assert.equal(report.facts.live, 1);
    assert.equal(report.outcome?.counts.get("kept").objects, 2);
    assert.equal(report.outcome?.counts.get("deleted").objects, 1);
  });

  it("keeps what is younger than --older-than, whatever the list says", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.find();

    const young = await stage.find({ olderThanMs: 3_600_000 });
    await stage.find();
    const report = await stage.remove({}, { olderThanMs: 3_600_000 });

    assert.deepEqual(counts(young), { young: 3, named: 3 });
    assert.equal(report.outcome?.counts.get("kept").objects, 3);
    assert.equal((await stage.keys()).length, 6);
  });

  it("keeps what an artifact GC strategy of Never keeps, even where retention has ended", async (t) => {
    const stage = await startStage(t);
    const never = { path: "/k", s3: { key: "done/done/kept" }, artifactGC: { strategy: "Never" } };
    stage.create({ name: "done", outputs: { kept: never, other: "done/done/other" } });
    await stage.put("done/done/kept", "done/done/other");
    const retention = readRetention(["1d"], 0);
    await stage.find({ retention });

    await stage.remove({}, { retention });

    assert.deepEqual(await stage.keys(), ["done/done/kept"]);
  });

  it("goes on after objects that cannot be deleted, and tells them", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.find();
    stage.store.addFault({ match: { method: "POST" }, kind: "status", status: 403, code: "AccessDenied" });
    stage.store.addFault({ match: { method: "DELETE" }, kind: "status", status: 403, code: "AccessDenied" });

    const report = await stage.remove();

    assert.equal(report.outcome?.counts.get("failed").objects, 3);
    const failures = stage.search.report.snapshot().incidents.filter(({ deed }) => deed === "failed");
    assert.deepEqual(
      failures.map(({ code }) => code),
      ["Forbidden", "Forbidden", "Forbidden"],
    );
  });
});

describe("sync orphans --delete refuses", () => {
  const refused = async (stage: Stage, ...args: Parameters<Stage["remove"]>) => {
    const before = await stage.keys();
    const report = await stage.remove(...args);
    assert.deepEqual(await stage.keys(), before);
    return report.refused ?? [];
  };

  it("where no workflow was found at all", async (t) => {
    const stage = await startStage(t);
    await stage.put("gone/gone/data.tgz");
    await stage.find();

    assert.match((await refused(stage)).join(), /no workflow was found at all/);
    const report = await stage.remove({ acceptNoWorkflows: true });
    assert.equal(report.outcome?.counts.get("deleted").objects, 1);
  });

  it("where far fewer workflows were found than when the list was made", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    for (let index = 0; index < 10; index += 1) stage.archive({ name: `a-${index}`, uid: `a-${index}` });
    await stage.find();
    stage.argo.workflows.length = 1;

    assert.match((await refused(stage)).join(), /2 workflows were found, and 12 when the list was made/);
    const report = await stage.remove({ acceptFewerWorkflows: true });
    assert.equal(report.outcome?.counts.get("deleted").objects, 3);
  });

  it("where the archive or the cluster was not read, and nobody says that there is none", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.find();
    const { sources } = stage.search;
    const noArchive = { sources: { ...sources, archive: undefined } };
    const noCluster = { sources: { ...sources, cluster: undefined } };

    assert.match((await refused(stage, {}, noArchive)).join(), /archived workflows were not read/);
    assert.match((await refused(stage, {}, noCluster)).join(), /the cluster was not asked/);
  });

  it("where live workflows say that they are archived, and no archive has them", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    stage.create({ name: "kept", labels: { "workflows.argoproj.io/workflow-archiving-status": "Archived" } });
    await stage.find();
    const noArchive = { sources: { ...stage.search.sources, archive: undefined } };

    assert.match(
      (await refused(stage, { withoutArchive: true }, noArchive)).join(),
      /so there is an archive/,
    );
    stage.argo.workflows.length = 0;
    assert.match((await refused(stage)).join(), /the archive is empty/);
  });

  it("where more would go than --max-delete", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.find();

    assert.match((await refused(stage, { maxDelete: 2 })).join(), /3 objects would be deleted/);
  });

  it("where a listing of workflows, of templates, of caches or of GC tasks fails", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.find();
    const before = await stage.keys();

    for (const resource of ["workflows", "workflowtemplates", "configmaps", "workflowartifactgctasks"]) {
      stage.api.addFault({ match: { resource }, times: 1, kind: "status", status: 403 });
      await assert.rejects(stage.remove(), new RegExp(`grant "list" on ${resource}`));
    }
    stage.argo.breakNextList('{"items":null}');
    await assert.rejects(stage.remove(), /is no list of archived workflows/);

    assert.deepEqual(await stage.keys(), before);
  });

  it("where the list is of another repository, damaged, or cut short", async (t) => {
    const stage = await startStage(t);
    await furnish(stage);
    await stage.find();
    const text = await readFile(stage.list, "utf8");
    const repository = { ...stage.search.repository, title: "s3://elsewhere/artifacts/" };

    assert.match((await refused(stage, {}, { repository })).join(), /the list was made for s3 127/);
    const before = await stage.keys();
    const lines = text.split("\n");
    for (const damaged of [
      "",
      "{}\n",
      lines.slice(0, -2).join("\n"),
      lines.toSpliced(1, 1).join("\n"),
      `${text}${lines[1]}\n`,
      text.replace('"sizeBytes"', '"size"'),
      text.slice(0, 300),
    ]) {
      await writeFile(stage.list, damaged);
      await assert.rejects(stage.remove(), /is damaged/);
    }
    assert.deepEqual(await stage.keys(), before);
  });
});
