import type { TestContext } from "node:test";
import { startFront } from "../servers/front.ts";
import { startFileServer } from "./file-server.ts";
import { encodedKey, faultyWeb, webLimits } from "./http-suite.ts";
import { describeDriver } from "./suite.ts";
import { surroundings } from "./surroundings.ts";

async function startWeb(t: TestContext) {
  const front = await startFront({ target: new URL((await startFileServer(t)).url).host });
  t.after(() => front[Symbol.asyncDispose]());
  return { front, faulty: faultyWeb(front) };
}

describeDriver(
  "http",
  async (t) => {
    const { front, faulty } = await startWeb(t);
    const context = surroundings();
    return {
      context,
      faulty,
      artifact: (key) => ({ name: "artifact", http: { url: `${front.url}/${encodedKey(key)}` } }),
    };
  },
  webLimits,
);

describeDriver(
  "artifactory",
  async (t) => {
    const { front, faulty } = await startWeb(t);
    const context = surroundings({ "jfrog/user": "me", "jfrog/password": "pass" });
    return {
      context,
      faulty,
      artifact: (key) => ({
        name: "artifact",
        artifactory: {
          url: `${front.url}/${encodedKey(key)}`,
          usernameSecret: { name: "jfrog", key: "user" },
          passwordSecret: { name: "jfrog", key: "password" },
        },
      }),
    };
  },
  webLimits,
);

describeDriver(
  "raw",
  async () => ({
    context: surroundings(),
    artifact: (key) => ({ name: "artifact", raw: { data: key } }),
  }),
  {
    save: "raw content is written in the template",
    directories: "raw content is one file",
    delete: "there is nothing to delete",
    list: "there is nothing to list",
    buckets: "raw content is in the template",
    faults: "nothing is transferred",
    missing: "raw content is always there",
  },
);
