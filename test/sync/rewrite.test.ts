import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { type RewriteJob, readLocationMap, rewrite } from "../../src/sync/rewrite/index.ts";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { collect, never, startArchive, startCluster } from "./clients.ts";
import { workflowObject, workflowsResource } from "./workflow-objects.ts";

const map = `
- from: {s3: {endpoint: minio:9000, bucket: old, key: team/}}
  to: {s3: {endpoint: s3.example.com, bucket: new, key: moved/team/, insecure: null, region: eu-west-1}}
- from: {s3: {bucket: legacy}}
  to: {gcs: {bucket: new-legacy}}
`;
const full = { endpoint: "minio:9000", bucket: "old", insecure: true, key: "team/data.tgz" };
const moved = { endpoint: "s3.example.com", bucket: "new", region: "eu-west-1", key: "moved/team/data.tgz" };
const artifact = (location: object, name = "data") => ({ path: "/d", name, ...location });

async function start(t: TestContext, text = map) {
  const folder = await temporaryFolder(t);
  const path = join(folder, "map.yaml");
  await writeFile(path, text);
  const cluster = await startCluster(t);
  const run = async (changes: Partial<RewriteJob> = {}) =>
    await collect(
      rewrite(
        {
          map: await readLocationMap(path),
          cluster: { client: cluster.kube, namespaces: [] },
          archive: undefined,
          includesTemplates: false,
          applies: true,
          sql: undefined,
          ...changes,
        },
        never,
      ),
    );
  const find = (name: string): unknown => cluster.api.find({ ...workflowsResource, namespace: "argo", name });
  return { ...cluster, run, find };
}

type Nodes = Record<string, { outputs: { artifacts: Record<string, unknown>[] } }>;
const outputsOf = (workflow: unknown, name: string) =>
  (workflow as { status: { nodes: Nodes } }).status.nodes[name]?.outputs.artifacts;

describe("sync rewrite", () => {
  it("moves locations that are stated in full, in nodes, specs and the repository of a workflow, and leaves keys alone", async (t) => {
    const { create, run, find } = await start(t);
    create({
      name: "wf",
      outputs: {
        data: artifact({ s3: full }),
        other: artifact({ s3: { ...full, bucket: "another" } }),
        key: "team/data.tgz",
        beside: artifact({ s3: { ...full, key: "teams/x" } }),
        legacy: artifact({ s3: { endpoint: "minio:9000", bucket: "legacy", key: "a/b" } }),
      },
      spec: { templates: [{ name: "main", archiveLocation: { s3: full } }] },
      status: {
        artifactRepositoryRef: {
          artifactRepository: { s3: { endpoint: "minio:9000", bucket: "legacy", keyFormat: "x" } },
        },
      },
    });
    create({ name: "untouched", outputs: { key: "team/data.tgz" } });

    const results = await run();
    const again = await run();

    const workflow = find("wf") as {
      spec: { templates: object[] };
      status: { artifactRepositoryRef: object };
    };
    const outputs = outputsOf(workflow, "wf");
    assert.deepEqual(results, [
      { title: "workflows/argo/wf", locations: 4, deed: "changed", why: "", isPassing: false },
    ]);
    assert.deepEqual(outputs?.[0], artifact({ s3: moved }));
    assert.deepEqual(outputs?.[1]?.s3, { ...full, bucket: "another" });
    assert.deepEqual(outputs?.[2]?.s3, { key: "team/data.tgz" });
    assert.deepEqual(outputs?.[3]?.s3, { ...full, key: "teams/x" });
    assert.deepEqual(outputs?.[4], artifact({ gcs: { bucket: "new-legacy", key: "a/b" } }));
    assert.deepEqual(workflow.spec.templates, [{ name: "main", archiveLocation: { s3: moved } }]);
    assert.deepEqual(workflow.status.artifactRepositoryRef, {
      artifactRepository: { gcs: { bucket: "new-legacy" } },
    });
    assert.deepEqual(again, []);
  });

  it("changes nothing without --apply, and neither running workflows nor nodes that it cannot see", async (t) => {
    const { create, run, find, api } = await start(t);
    create({ name: "done", outputs: { data: artifact({ s3: full }) } });
    create({ name: "running", phase: "Running", outputs: { data: artifact({ s3: full }) } });
    create({ name: "offloaded", status: { nodes: undefined, offloadNodeStatusVersion: "v" } });

    const rehearsal = await run({ applies: false });
    const isUntouched = api.requests.every(({ method }) => method === "GET");
    const results = await run();

    assert.deepEqual(rehearsal, results);
    assert.ok(isUntouched);
    assert.deepEqual(
      results.map(({ title, deed }) => [title, deed]),
      [
        ["workflows/argo/done", "changed"],
        ["workflows/argo/offloaded", "left"],
        ["workflows/argo/running", "left"],
      ],
    );
    assert.deepEqual(outputsOf(find("running"), "running")?.[0]?.s3, full);
  });

  it("moves locations in compressed nodes", async (t) => {
    const { create, run, find } = await start(t);
    const nodes = { wf: { outputs: { artifacts: [artifact({ s3: full })] } } };
    create({
      name: "wf",
      status: { nodes: undefined, compressedNodes: gzipSync(JSON.stringify(nodes)).toString("base64") },
    });

    await run();

    const { status } = find("wf") as { status: { compressedNodes: string } };
    const text = gunzipSync(Buffer.from(status.compressedNodes, "base64")).toString();
    assert.deepEqual(JSON.parse(text), { wf: { outputs: { artifacts: [artifact({ s3: moved })] } } });
  });

  it("reads again and repeats where somebody else changes a workflow meanwhile, and tells what is refused", async (t) => {
    const { create, run, find, api } = await start(t);
    create({ name: "wf", outputs: { data: artifact({ s3: full }) } });
    api.addFault({ match: { verb: "patch" }, times: 1, kind: "status", status: 422, reason: "Invalid" });

    const repeated = await run();
    create({ name: "forbidden", outputs: { data: artifact({ s3: full }) } });
    api.addFault({ match: { verb: "patch" }, kind: "status", status: 403 });
    const refused = await run();

    assert.equal(repeated[0]?.deed, "changed");
    assert.deepEqual(outputsOf(find("wf"), "wf")?.[0]?.s3, moved);
    assert.deepEqual([refused.length, refused[0]?.deed], [1, "failed"]);
    assert.match(refused[0]?.why ?? "", /grant "patch" on it/);
  });

  it("moves templates only where asked to", async (t) => {
    const { api, run } = await start(t);
    const resource = { group: "argoproj.io", version: "v1alpha1" };
    const templates = [{ name: "t", inputs: { artifacts: [artifact({ s3: full })] } }];
    api.create(
      { ...resource, resource: "workflowtemplates", namespace: "argo" },
      { metadata: { name: "wt" }, spec: { templates } },
    );
    api.create(
      { ...resource, resource: "clusterworkflowtemplates", namespace: "" },
      { metadata: { name: "cwt" }, spec: { templates } },
    );
    api.create(
      { ...resource, resource: "cronworkflows", namespace: "argo" },
      { metadata: { name: "cron" }, spec: { workflowSpec: { templates } } },
    );

    assert.deepEqual(await run(), []);
    const results = await run({ includesTemplates: true });

    assert.deepEqual(
      results.map(({ title, deed }) => `${deed} ${title}`),
      [
        "changed workflowtemplates/argo/wt",
        "changed cronworkflows/argo/cron",
        "changed clusterworkflowtemplates/cwt",
      ],
    );
    const cron = api.find({ ...resource, resource: "cronworkflows", namespace: "argo", name: "cron" });
    assert.deepEqual(cron?.spec, {
      workflowSpec: { templates: [{ name: "t", inputs: { artifacts: [artifact({ s3: moved })] } }] },
    });
  });

  it("writes archived workflows down as SQL, whose texts no workflow can break out of", async (t) => {
    const { run } = await start(t);
    const evil = "it's; DROP TABLE x; -- \\' \\";
    const workflow = workflowObject({
      name: "old",
      uid: "uid-1",
      labels: { evil },
      outputs: { data: artifact({ s3: full }) },
    });
    const { client } = await startArchive(t, {
      workflows: [workflow, workflowObject({ name: "other", uid: "uid-2" })],
    });
    const archive = { client, namespaces: [] };
    const statements: Record<string, string[]> = { postgres: [], mysql: [] };

    for (const dialect of ["postgres", "mysql"] as const) {
      const write = async (statement: string) => void statements[dialect]?.push(statement);
      await run({ archive, cluster: undefined, sql: { dialect, write } });
    }
    const [without] = await run({ archive, cluster: undefined });

    const [[postgres = ""], [mysql = ""]] = [statements.postgres ?? [], statements.mysql ?? []];
    assert.deepEqual([statements.postgres?.length, statements.mysql?.length], [1, 1]);
    assert.match(postgres, /^UPDATE argo_archived_workflows SET workflow = '.*' WHERE uid = 'uid-1';\n$/);
    const unquoted = (text: string) =>
      text.slice(text.indexOf("'") + 1, text.lastIndexOf("' WHERE")).replaceAll("''", "'");
    const inside = [JSON.parse(unquoted(postgres)), JSON.parse(unquoted(mysql).replaceAll("\\\\", "\\"))];
    for (const archived of inside) {
      assert.equal(archived.metadata.labels.evil, evil);
      assert.deepEqual(outputsOf(archived, "old")?.[0]?.s3, moved);
    }
    assert.match(without?.why ?? "", /--sql FILE writes them down/);
  });

  it("refuses maps that are none, that fit everything, or that move again what they have moved", async (t) => {
    const refuses = async (text: string, why: RegExp) => {
      const { run } = await start(t, text);
      await assert.rejects(run(), why);
    };

    await refuses("{}", /must be a list/);
    await refuses("- from: {s3: {endpoint: x}}\n  to: {s3: {bucket: y}}", /from must name the bucket/);
    await refuses("- from: {s3: {bucket: x}, gcs: {}}\n  to: {s3: {bucket: y}}", /exactly one of .*s3/);
    await refuses("- from: {s3: {bucket: x}}\n  to: {gcs: {key: y}}", /all of a location of another type/);
    await refuses(
      "- from: {s3: {bucket: x}}\n  to: {s3: {bucket: x, key: y/}}",
      /a second run would move it once more/,
    );
    await refuses("- [", /map.yaml: /);
  });
});
