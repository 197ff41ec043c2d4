import { startGcs } from "./stores.ts";
import { describeDriver } from "./suite.ts";

describeDriver("gcs", (t) => startGcs(t), {});
