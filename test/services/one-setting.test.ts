import { describeOneSetting } from "../drivers/one-setting.ts";
import { startSquid, withoutSquid } from "./squid.ts";

describeOneSetting("one setting for all stores, through squid", startSquid, withoutSquid);
