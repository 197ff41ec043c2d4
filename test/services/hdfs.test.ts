import { after, before } from "node:test";
import { describeHdfs, hdfsLimits, startHdfsStore } from "../drivers/hdfs-suite.ts";
import { describeDriver } from "../drivers/suite.ts";
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
}
