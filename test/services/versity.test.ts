import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { s3Faults } from "../drivers/s3-faults.ts";
import { s3Artifact } from "../drivers/s3-location.ts";
import { describeDriver } from "../drivers/suite.ts";
import { surroundings } from "../drivers/surroundings.ts";
import { startFront } from "../servers/front.ts";
import { type Program, startProgram } from "./programs.ts";

const program = process.env.OUTRIDER_VERSITYGW;

if (program === undefined) {
  describe("s3 on Versity Gateway", () => {
    it("is left out", { skip: "OUTRIDER_VERSITYGW does not name a versitygw binary" }, () => {});
  });
} else {
  let server: Program;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "outrider-versity-"));
    const keys = { ROOT_ACCESS_KEY: "access-key", ROOT_SECRET_KEY: "secret-key" };
    const args = (endpoint: string) => [
      "--port",
      endpoint,
      "posix",
      "--sidecar",
      join(tmpdir(), `meta-${basename(folder)}`),
      folder,
    ];
    await mkdir(join(tmpdir(), `meta-${basename(folder)}`), { recursive: true });
    server = await startProgram(program, args, { env: keys });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
    await rm(join(tmpdir(), `meta-${basename(folder)}`), { recursive: true, force: true });
  });

  let buckets = 0;
  describeDriver(
    "s3 on Versity Gateway",
    async (t) => {
      buckets += 1;
      const bucket = `bucket-${buckets}`;
      const front = await startFront({ target: server.endpoint });
      t.after(() => front[Symbol.asyncDispose]());
      const keys = { "keys/access": "access-key", "keys/secret": "secret-key" };
      const artifact = (key: string) =>
        s3Artifact(front.endpoint, key, { bucket, createBucketIfNotPresent: {} });
      return {
        context: surroundings(keys),
        artifact,
        faulty: s3Faults(front, bucket),
        elsewhere: s3Artifact(front.endpoint, "x", { bucket: "no-such-bucket" }),
        strangers: () => ({
          context: surroundings({ ...keys, "keys/secret": "wrong-secret" }),
          artifact: s3Artifact(front.endpoint, "x", { bucket: "no-such-bucket" }),
        }),
      };
    },
    {
      clock: "tested in s3.test.ts, on a server whose clock can be set",
      rotation: "the server's keys cannot change while it runs",
      overlaps: "it keeps objects as files, and a folder leaves no room for an object of its name",
    },
  );
}
