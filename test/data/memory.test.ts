import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { openDesk } from "../resource/desk.ts";
import { startListingServer } from "../servers/listing-server.ts";

const keyOf = (index: number) =>
  `warehouse/sales/year=2026/part-${String(index).padStart(8, "0")}-3f9a1c5e.snappy.parquet`;

/** Runs a data template over a bucket of that many objects. */
async function transform(t: TestContext, count: number, expressions: readonly string[]) {
  const store = await startListingServer(t, count, keyOf);
  const desk = await openDesk(t);
  desk.file("argo/secret/keys/access", "access");
  desk.file("argo/secret/keys/secret", "secret");
  const s3 = {
    endpoint: store.endpoint,
    insecure: true,
    bucket: "bucket",
    key: "warehouse",
    accessKeySecret: { name: "keys", key: "access" },
    secretKeySecret: { name: "keys", key: "secret" },
  };
  const transformation = expressions.map((expression) => ({ expression }));
  const template = { data: { source: { artifactPaths: { s3 } }, transformation } };
  const { code, log, message } = await desk.start(["data", "{}"], template).ended;
  const outputs = desk.taskResult?.outputs as { result?: string } | undefined;
  return { code, log, message, result: outputs?.result, peakMib: desk.peakMib, pages: store.pages.served };
}

const expressions = ["filter(data, {# contains 'part-000999' and # endsWith '.parquet'})", "len(data)"];
const full = process.env.FULL === "1";
const [few, many] = full ? [150_000, 1_000_000] : [40_000, 120_000];

describe("argoexec data over a large bucket", () => {
  it(`filters ${many} keys in memory that hardly grows with their number`, async (t) => {
    const some = await transform(t, few, expressions);
    const all = await transform(t, many, expressions);

    assert.equal(some.code, 0, some.log);
    assert.equal(all.code, 0, all.log);
    assert.equal(all.result, "100");
    assert.equal(all.pages, many / 1000);
    t.diagnostic(`${few} keys: ${some.peakMib} MiB, ${many} keys: ${all.peakMib} MiB`);
    assert.ok(all.peakMib < 1.5 * some.peakMib, `${some.peakMib} MiB became ${all.peakMib} MiB`);
  });

  it("ends with the reason where the list is more than a result can hold", async (t) => {
    const { code, message } = await transform(t, 40_000, []);

    assert.equal(code, 64);
    assert.match(message, /the result is a list of 40000 that is larger than 1500000 bytes as JSON/);
  });
});
