import { startOss } from "./stores.ts";
import { describeDriver } from "./suite.ts";

describeDriver("oss", (t) => startOss(t), {});
