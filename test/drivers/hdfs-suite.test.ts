import { startWebHdfs } from "../servers/web-hdfs-server.ts";
import { hdfsLimits, startHdfsStore } from "./hdfs-suite.ts";
import { describeDriver } from "./suite.ts";

describeDriver(
  "hdfs",
  async (t) => await startHdfsStore(t, new URL((await startWebHdfs(t)).url).host),
  hdfsLimits,
);
