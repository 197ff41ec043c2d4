import type { Front } from "../servers/front.ts";
import type { FaultyStore } from "./fault-suite.ts";
import type { Limits } from "./suite.ts";

/** What a file behind a URL cannot do. */
export const webLimits: Limits = {
  directories: "a URL names one file",
  delete: "the reference deletes nothing there, and a DELETE may mean anything to a web server",
  list: "web servers have no listing that programs can read",
  buckets: "a URL has no bucket; wrong credentials are tested in http.test.ts",
  resume: "a PUT is the whole file; one that broke off is sent again where the content can be read twice",
  checksums: "web servers name no checksum of what they send",
  ranges: "only what broke off is asked for by its range; tested in http.test.ts",
  versions:
    "the answer is on its way when it is opened; replaced ones that broke off are tested in http.test.ts",
  lengths: "web servers may send without",
  pages: "whatever a web server answers to a PUT may be right",
  parts: "a PUT is the whole file",
  clock: "nothing is signed",
  rotation: "a PUT is the whole file; tokens that end are tested in http.test.ts",
};

/** Where faults strike what is read and written at URLs. */
export function faultyWeb(front: Front): FaultyStore {
  const read = { method: "GET" };
  const write = { method: "PUT" };
  return { front, read, lookup: read, write, part: write, list: read, withoutLength: {} };
}

/** A key as the path of a URL. */
export const encodedKey = (key: string): string => key.split("/").map(encodeURIComponent).join("/");
