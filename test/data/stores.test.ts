// A data template over every kind of store whose driver lists, as the process that runs in the pod.
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { type DriverContext, openDriver } from "../../src/artifacts/index.ts";
import { startHdfsStore } from "../drivers/hdfs-suite.ts";
import { startS3 } from "../drivers/s3-location.ts";
import { startAzure, startGcs, startOss } from "../drivers/stores.ts";
import type { StoreUnderTest } from "../drivers/suite.ts";
import { fileOf, patience, type TestSurroundings } from "../drivers/surroundings.ts";
import { openDesk } from "../resource/desk.ts";
import { type Azurite, startAzurite } from "../servers/azurite.ts";
import { startWebHdfs } from "../servers/web-hdfs-server.ts";

let azurite: Azurite;

interface Store {
  readonly context: DriverContext & { readonly secrets?: TestSurroundings["secrets"] };
  readonly artifact: StoreUnderTest["artifact"];
}
type Start = (t: TestContext) => Promise<Store>;

const stores: readonly (readonly [string, Start])[] = [
  ["s3", (t) => startS3(t)],
  ["gcs", (t) => startGcs(t)],
  ["azure", (t) => startAzure(t, azurite.endpoint)],
  ["oss", (t) => startOss(t)],
  ["hdfs", async (t) => startHdfsStore(t, new URL((await startWebHdfs(t)).url).host)],
];

describe("argoexec data", { concurrency: 2 }, () => {
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite[Symbol.asyncDispose]());

  for (const [kind, start] of stores) {
    it(`lists and transforms the keys of a store: ${kind}`, async (t) => {
      const { context, artifact } = await start(t);
      const driver = await openDriver(artifact("unused"), context);
      t.after(() => driver[Symbol.asyncDispose]());
      for (const key of ["in/a.csv", "in/b.txt", "in/deep/c.csv", "other/d.csv"]) {
        await driver.saveFile(artifact(key), fileOf(key, key), patience());
      }
      const desk = await openDesk(t);
      for (const [path, value] of context.secrets ?? []) desk.file(`argo/secret/${path}`, value);
      const { name: _, path: __, ...location } = artifact("in/");
      const transformation = [{ expression: "filter(data, # endsWith '.csv')" }, { expression: "len(data)" }];
      const env = Object.fromEntries(
        Object.entries(context.settings.identityVariables).filter(([, value]) => value !== undefined),
      ) as Record<string, string>;

      const { code, log } = await desk.start(
        ["data", "{}"],
        { data: { source: { artifactPaths: location }, transformation } },
        env,
      ).ended;

      assert.equal(code, 0, log);
      assert.equal((desk.taskResult?.outputs as { result?: string } | undefined)?.result, "2");
      assert.equal(desk.label, "true");
    });
  }
});
