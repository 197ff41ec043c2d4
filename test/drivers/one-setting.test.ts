import assert from "node:assert/strict";
import { startConnectProxy } from "../servers/connect-proxy.ts";
import { describeOneSetting } from "./one-setting.ts";

describeOneSetting(
  "one setting for all stores, through a proxy that asks for a password",
  async (t, hosts) => {
    const proxy = await startConnectProxy(t, { hosts, credentials: "user:proxy-secret" });
    return {
      url: proxy.url,
      expectPassed: async (places) => assert.deepEqual(new Set(proxy.asked), new Set(places)),
    };
  },
);
