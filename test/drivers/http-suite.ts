import type { Limits } from "./suite.ts";

/** What a file behind a URL cannot do. */
export const webLimits: Limits = {
  directories: "a URL names one file",
  delete: "the reference deletes nothing there, and a DELETE may mean anything to a web server",
  list: "web servers have no listing that programs can read",
  buckets: "a URL has no bucket; wrong credentials are tested in http.test.ts",
  faults: "tested in http.test.ts, for each request is the whole artifact",
};

/** A key as the path of a URL. */
export const encodedKey = (key: string): string => key.split("/").map(encodeURIComponent).join("/");
