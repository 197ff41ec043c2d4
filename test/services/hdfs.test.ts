import { after, before } from "node:test";
import { describeHdfs } from "../drivers/hdfs-suite.ts";
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
