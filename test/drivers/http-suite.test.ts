import { startFileServer } from "./file-server.ts";
import { describeDriver, type Limits } from "./suite.ts";
import { surroundings } from "./surroundings.ts";

const cannot: Limits = {
  directories: "a URL names one file",
  delete: "the reference deletes nothing there, and a DELETE may mean anything to a web server",
  list: "web servers have no listing that programs can read",
  buckets: "a URL has no bucket; wrong credentials are tested in http.test.ts",
  faults: "tested in http.test.ts, for each request is the whole artifact",
};

const encoded = (key: string) => key.split("/").map(encodeURIComponent).join("/");

describeDriver(
  "http",
  async (t) => {
    const server = await startFileServer(t);
    const context = surroundings();
    return {
      context,
      artifact: (key) => ({ name: "artifact", http: { url: `${server.url}/${encoded(key)}` } }),
    };
  },
  cannot,
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
          url: `${server.url}/${encoded(key)}`,
          usernameSecret: { name: "jfrog", key: "user" },
          passwordSecret: { name: "jfrog", key: "password" },
        },
      }),
    };
  },
  cannot,
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
