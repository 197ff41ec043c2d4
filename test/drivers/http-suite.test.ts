import { startFileServer } from "./file-server.ts";
import { encodedKey, webLimits } from "./http-suite.ts";
import { describeDriver } from "./suite.ts";
import { surroundings } from "./surroundings.ts";

describeDriver(
  "http",
  async (t) => {
    const server = await startFileServer(t);
    const context = surroundings();
    return {
      context,
      artifact: (key) => ({ name: "artifact", http: { url: `${server.url}/${encodedKey(key)}` } }),
    };
  },
  webLimits,
);

describeDriver(
  "artifactory",
  async (t) => {
    const server = await startFileServer(t);
    const context = surroundings({ "jfrog/user": "me", "jfrog/password": "pass" });
    return {
      context,
      artifact: (key) => ({
        name: "artifact",
        artifactory: {
          url: `${server.url}/${encodedKey(key)}`,
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
