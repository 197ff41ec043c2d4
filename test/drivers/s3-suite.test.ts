import { startS3 } from "./s3-location.ts";
import { describeDriver } from "./suite.ts";

describeDriver("s3", async (t) => await startS3(t), {});
