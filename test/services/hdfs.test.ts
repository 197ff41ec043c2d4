import { after, before } from "node:test";
import { describeHdfs, hdfsLimits, startHdfsRpc, startHdfsStore } from "../drivers/hdfs-suite.ts";
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
