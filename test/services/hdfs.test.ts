import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { openDriver } from "../../src/artifacts/index.ts";
import type { Artifact } from "../../src/template/index.ts";
import {
  describeHdfs,
  hdfsArtifact,
  hdfsLimits,
  load,
  startHdfsRpc,
  startHdfsStore,
} from "../drivers/hdfs-suite.ts";
import { describeDriver } from "../drivers/suite.ts";
import { fileOf, noise, patience, surroundings } from "../drivers/surroundings.ts";
import { pythonWith } from "../servers/python.ts";
import { s3Side, sync } from "../sync/sync.ts";
import { type HdfsCluster, startHdfs, startHttpFs, whyNoHadoop } from "./hadoop/index.ts";

const reason = whyNoHadoop();
let cluster: HdfsCluster | undefined;
let httpFs: Awaited<ReturnType<typeof startHttpFs>> | undefined;

if (reason === false) {
  before(async () => {
    cluster = await startHdfs();
    httpFs = await startHttpFs(cluster.rpc.at(-1) ?? "");
  });
  after(async () => {
    await httpFs?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });
}

describeHdfs("hdfs on Hadoop 3.5", async () => [cluster?.url ?? ""], reason);
describeHdfs("hdfs on Hadoop 3.5, through HttpFS 3.4", async () => [httpFs?.url ?? ""], reason);
describeHdfs("hdfs on Hadoop 3.5, by RPC", async () => cluster?.rpc ?? [], reason);
if (reason === false) {
  describeDriver(
    "hdfs on Hadoop 3.5",
    async (t) => ({
      ...(await startHdfsStore(t, new URL(cluster?.url ?? "").host)),
      filesOfTree: 40,
    }),
    {
      ...hdfsLimits,
      faults:
        "the name node sends us to the data node itself, past what disturbs; tested on a WebHDFS of ours",
    },
  );
  describeDriver("hdfs on Hadoop 3.5, by RPC", async (t) => startHdfsRpc(t, cluster?.rpc ?? []), {
    ...hdfsLimits,
    checksums: "what changes on the way is tested on a data node of ours",
    faults: "tested on servers of ours",
  });
}

describe("hdfs on Hadoop 3.5, by RPC, and hdfs-native", { skip: reason }, () => {
  it("read what the other wrote, over many blocks", async (t) => {
    const python = await pythonWith("hdfs-native==0.14.7");
    if ("missing" in python) return t.skip(python.missing);
    const sizeBytes = 3 * 1024 * 1024 + 777;
    const content = noise(sizeBytes);
    const [ours, theirs] = ["/opinion/ours", "/opinion/theirs"].map((path) =>
      hdfsArtifact(cluster?.rpc ?? [], path, { force: true }),
    ) as [Artifact, Artifact];
    await using driver = await openDriver(ours, surroundings());
    await driver.saveFile(ours, fileOf("ours", content), patience());

    const script = "test/services/hadoop/second_opinion.py";
    const url = `hdfs://${cluster?.rpc.at(-1)}`;
    const { stdout } = await run(
      python.program,
      [script, url, "/opinion/ours", "/opinion/theirs", String(sizeBytes)],
      { env: { ...process.env, HADOOP_USER_NAME: "root" } },
    );

    const [read, written, names] = stdout.trim().split("\n");
    assert.equal(read, sha256(content));
    assert.equal(sha256(await load(driver, theirs)), written);
    assert.equal(names, "/opinion/ours,/opinion/theirs");
  });
});

describe("argoexec sync and hdfs on Hadoop 3.5", { skip: reason }, () => {
  for (const protocol of ["RPC", "WebHDFS", "HttpFS"]) {
    // HttpFS knows no renaming over what is there.
    const replaces = protocol === "HttpFS" ? "replaces" : "replaces in one step";
    it(`copies there and back by ${protocol}, ${replaces}, deletes, and sees that nothing has changed`, async (t) => {
      const [source, back] = [await s3Side(t), await s3Side(t)];
      const folder = `/sync-${protocol}`;
      const url =
        protocol === "RPC"
          ? `hdfs://${cluster?.rpc.join(",")}${folder}`
          : `webhdfs://${new URL((protocol === "HttpFS" ? httpFs : cluster)?.url ?? "").host}${folder}`;
      const env = { HADOOP_USER_NAME: "root" };
      const large = noise(19 * 1024 * 1024 + 777);
      const keys = ["a/b/c", "a.b", "a-b/c", "a-/e", "ab", "z e/ünïcödé/日本語"];
      for (const key of keys) await source.put(key, `content of ${key}`);
      await source.put("large", large);

      const there = await sync(["run", source.url(), url], env);
      const again = await sync(["run", source.url(), url], env);
      const returned = await sync(["run", url, back.url()], env);

      assert.equal(there.status, 0, there.lastLine);
      assert.equal(again.report?.totals.equal?.objects, keys.length + 1, again.lastLine);
      assert.equal(returned.status, 0, returned.lastLine);
      assert.ok((await back.get("large")).bytes.equals(large));
      assert.deepEqual(await back.contents(), await source.contents());

      await source.put("ab", "new content");
      await source.put("a.b/below", "a file stands in the way");
      await source.client.send(new DeleteObjectCommand({ Bucket: "ml", Key: "z e/ünïcödé/日本語" }));
      const changed = await sync(["run", source.url(), url], env);
      assert.equal(changed.status, 20);
      assert.match(changed.lastLine, /HDFS cannot hold a key and others below it/);
      await source.client.send(new DeleteObjectCommand({ Bucket: "ml", Key: "a.b/below" }));
      const mended = await sync(["run", source.url(), url, "--delete"], env);
      assert.equal(mended.report?.totals.deleted?.objects, 1, mended.lastLine);
      const verified = await sync(["verify", source.url(), url], env);
      assert.equal(verified.status, 0, verified.lastLine);
      assert.equal(verified.report?.totals.equal?.objects, keys.length);
    });
  }
});

const run = promisify(execFile);

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
