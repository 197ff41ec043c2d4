import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { type ArtifactDriver, openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Artifact, HdfsLocation } from "../../src/template/index.ts";
import { startFront } from "../servers/front.ts";
import type { Limits, StoreUnderTest } from "./suite.ts";
import { fileOf, fileThatStops, keysOf, patience, surroundings } from "./surroundings.ts";

export const hdfsArtifact = (
  addresses: readonly string[],
  path: string,
  more: HdfsLocation = {},
): Artifact => ({
  name: "artifact",
  hdfs: { addresses, path, hdfsUser: "root", ...more },
});

export async function load(driver: ArtifactDriver, artifact: Artifact): Promise<Buffer> {
  const stored = await driver.open(artifact, patience());
  assert.equal(stored.kind, "file");
  return stored.kind === "file" ? await buffer(stored.openStream()) : Buffer.alloc(0);
}

/** What WebHDFS cannot do. */
export const hdfsLimits: Limits = {
  colons: "HDFS knows no paths with colons",
  checksums: "WebHDFS sends no checksum of what it reads; only TLS notices",
  ranges: "the answer of a data node does not say which bytes it holds",
  buckets: "hdfsUser is a name that is believed; who may do what is tested in hdfs.test.ts",
  clock: "nothing is signed",
  parts: "a file is one request",
  rotation: "hdfsUser is no secret",
};

let folders = 0;

/** A folder of its own in a cluster whose name node's `host:port` is `target`, behind a front. */
export async function startHdfsStore(t: TestContext, target: string): Promise<StoreUnderTest> {
  const front = await startFront({ target });
  t.after(() => front[Symbol.asyncDispose]());
  folders += 1;
  const keyPrefix = `/suite-${process.pid}-${folders}/`;
  const artifact = (key: string) => hdfsArtifact([front.url], keyPrefix + key, { force: true });
  await makeRoot(artifact(".made"));
  return {
    context: surroundings(),
    artifact,
    keyPrefix,
    filesOfTree: 100,
    faulty: {
      front,
      read: { method: "GET", path: /op=OPEN/ },
      lookup: { method: "GET", path: /op=GETFILESTATUS/ },
      write: { method: "PUT", path: /op=CREATE/ },
      part: { method: "PUT", path: dataPath },
      list: { method: "GET", path: /op=LISTSTATUS_BATCH/ },
      withoutLength: { body: (text) => text.replace(/"length":\d+,?/, "") },
      endless: (text) => text.replace(/"remainingEntries":\d+/, '"remainingEntries":1'),
    },
  };
}

/** A folder of its own in a cluster whose name nodes' RPC ports are these. */
export async function startHdfsRpc(_: TestContext, addresses: readonly string[]): Promise<StoreUnderTest> {
  folders += 1;
  const keyPrefix = `/rpc-${process.pid}-${folders}/`;
  const artifact = (key: string) => hdfsArtifact(addresses, keyPrefix + key, { force: true });
  await makeRoot(artifact(".made"));
  return { context: surroundings(), artifact, keyPrefix, filesOfTree: 40 };
}

/** Where the bytes go: to the data node, which Hadoop tells by another path or query than the name node's. */
const dataPath = /op=CREATE.*(?:data=true|namenoderpcaddress)/i;

async function makeRoot(artifact: Artifact): Promise<void> {
  await using driver = await openDriver(artifact, surroundings());
  await driver.saveFile(artifact, fileOf("x", ""), patience());
  await driver.delete(artifact, patience());
}

/** What HDFS does beyond the common suite, on any server that speaks WebHDFS. */
export function describeHdfs(
  name: string,
  start: (t: TestContext) => Promise<readonly string[]>,
  skip: string | false = false,
): void {
  const open = async (t: TestContext, more: HdfsLocation = { force: true }) => {
    const addresses = await start(t);
    folders += 1;
    const base = `/test-${process.pid}-${folders}`;
    const artifact = (path: string, its = more) => hdfsArtifact(addresses, `${base}/${path}`, its);
    const driver = await openDriver(artifact(""), surroundings());
    t.after(() => driver[Symbol.asyncDispose]());
    return { driver, artifact, base };
  };

  describe(name, { skip }, () => {
    it("replaces what is there with force, and refuses to without", async (t) => {
      const { driver, artifact, base } = await open(t, {});
      await driver.saveFile(artifact("same"), fileOf("same", "the first, which is longer"), patience());

      const refused = driver.saveFile(artifact("same"), fileOf("same", "x"), patience());

      await assert.rejects(refused, new RegExp(`create ${base}/same: file already exists; set hdfs\\.force`));
      await using forcing = await openDriver(artifact("same", { force: true }), surroundings());
      await forcing.saveFile(artifact("same"), fileOf("same", "the second"), patience());
      assert.equal((await load(driver, artifact("same"))).toString(), "the second");
      assert.deepEqual(await keysOf(driver, artifact(""), patience()), [`${base}/same`]);
    });

    it("calls what is not there NotFound, in the reference's words", async (t) => {
      const { driver, artifact, base } = await open(t);

      await assert.rejects(driver.open(artifact("nothing"), patience()), (error: Error) => {
        assert.equal(error.message, `stat ${base}/nothing: file does not exist`);
        return isExecutorError(error, "NotFound");
      });
      await assert.rejects(keysOf(driver, artifact("nothing"), patience()), /no key found of name/);
    });

    it("leaves nothing when it is told to stop", async (t) => {
      const { driver, artifact } = await open(t);
      await driver.saveFile(artifact("other"), fileOf("other", "x"), patience());
      const stop = new AbortController();
      const content = fileThatStops("half", stop);

      await assert.rejects(driver.saveFile(artifact("half"), content, stop.signal));

      assert.equal((await keysOf(driver, artifact(""), patience())).length, 1);
    });
  });
}
