import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
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
import { type HdfsCluster, startHdfs, whyNoHadoop } from "./hadoop/index.ts";

const reason = whyNoHadoop();
let cluster: HdfsCluster | undefined;

if (reason === false) {
  before(async () => {
    cluster = await startHdfs();
  });
  after(() => cluster?.[Symbol.asyncDispose]());
}

describeHdfs("hdfs on Hadoop 3.5", async () => [cluster?.url ?? ""], reason);
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

const run = promisify(execFile);

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
