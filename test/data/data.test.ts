import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { location, putObject, secrets, startServers } from "../pod/servers.ts";
import { type MainDesk, openDesk } from "../resource/desk.ts";

const keys = ["in/a.txt", "in/b.csv", "in/deep/c.csv", "other/d.csv", "in/e <&>.csv"];

async function openStore(t: TestContext) {
  const servers = await startServers(t);
  for (const key of keys) await putObject(servers, key, key);
  const desk = await openDesk(t);
  for (const [name, values] of Object.entries(secrets)) {
    for (const [key, value] of Object.entries(values)) desk.file(`argo/secret/${name}/${key}`, value);
  }
  return { desk, s3: location(servers.store) };
}

function data(
  desk: MainDesk,
  artifactPaths: object,
  expressions: readonly string[],
  archiveLocation?: object,
) {
  const transformation = expressions.map((expression) => ({ expression }));
  const template = { data: { source: { artifactPaths }, transformation }, archiveLocation };
  return desk.start(["data", JSON.stringify(template.data)], template).ended;
}

function result(desk: MainDesk): unknown {
  return (desk.taskResult?.outputs as { result?: string } | undefined)?.result;
}

describe("argoexec data", { concurrency: 2 }, () => {
  it("lists keys, transforms the list, and reports it as the result", async (t) => {
    const { desk, s3 } = await openStore(t);
    const steps = ["filter(data, {# endsWith '.csv'})", "", "map(data, {upper(#)})"];

    const { code, log } = await data(desk, { s3: { ...s3, key: "in" } }, steps);

    assert.equal(code, 0, log);
    assert.equal(result(desk), '["IN/B.CSV","IN/DEEP/C.CSV","IN/E \\u003c\\u0026\\u003e.CSV"]');
    assert.equal(desk.label, "true");
  });

  it("makes the task result before it lists, so that the controller waits", async (t) => {
    const { desk, s3 } = await openStore(t);
    await data(desk, { s3: { ...s3, key: "in" } }, []);
    const states = desk.api.states("workflowtaskresults", "argo", "node");
    const seen = states.map(({ outputs, metadata }) => [
      outputs !== undefined,
      Object.values(metadata.labels ?? {}).at(-1),
    ]);
    assert.equal(seen.length, 3);
    assert.deepEqual(
      seen.map(([has]) => has),
      [false, true, true],
    );
  });

  it("takes store and credentials of the repository for a source that has a bucket and no key", async (t) => {
    const { desk, s3 } = await openStore(t);
    const { code } = await data(desk, { s3: { bucket: s3.bucket } }, ["len(data)"], {
      s3: { ...s3, bucket: "absent" },
    });
    assert.equal(code, 0);
    assert.equal(result(desk), "5");
  });

  it("names the place of a failure, and the step of an expression", async (t) => {
    const { desk, s3 } = await openStore(t);
    const place = "unable to process data template: unable to process data";
    const missing = await data(desk, { s3: { ...s3, key: "nothing" } }, []);
    assert.equal(missing.code, 64);
    assert.equal(
      missing.message,
      `${place} source: unable to source artifact paths: no key found of name nothing`,
    );
    assert.equal(desk.label, "true");
    const wrong = await data(desk, { s3: { ...s3, key: "in" } }, ["data", "data + 1"]);
    assert.match(wrong.message, new RegExp(`^${place} transformation: error processing data step 1: `));
    const raw = await data(desk, { raw: { data: "x" } }, []);
    assert.match(raw.message, /ListObjects is currently not supported for this artifact type/);
  });

  it("loads no language for a list that nothing transforms, and no kubectl", async (t) => {
    const { desk, s3 } = await openStore(t);
    assert.equal((await data(desk, { s3: { ...s3, key: "in" } }, [])).code, 0);
    const strange =
      /\/(languages\/(?!errors)[^/]+|archive|resource|outputs|agent|wait)\/|\/yaml\/|drivers\/http|client-node/;
    assert.deepEqual(
      desk.loaded.filter((file) => strange.test(file) && !file.includes("/test/")),
      [],
    );
  });
});
