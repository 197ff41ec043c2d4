import { after, before, describe, it } from "node:test";
import { startGcs } from "../drivers/stores.ts";
import { describeDriver } from "../drivers/suite.ts";
import { type Program, startProgram } from "./programs.ts";

const program = process.env.OUTRIDER_FAKE_GCS;

if (program === undefined) {
  describe("gcs on fake-gcs-server", () => {
    it("is left out", { skip: "OUTRIDER_FAKE_GCS does not name a fake-gcs-server binary" }, () => {});
  });
} else {
  let server: Program;
  before(async () => {
    const args = (_: string, port: number) => [
      "-backend",
      "memory",
      "-scheme",
      "http",
      "-host",
      "127.0.0.1",
      "-port",
      String(port),
    ];
    server = await startProgram(program, args, { path: "/storage/v1/b?project=p" });
  });
  after(() => server[Symbol.asyncDispose]());

  let buckets = 0;
  describeDriver(
    "gcs on fake-gcs-server",
    async (t) => {
      buckets += 1;
      const bucket = `bucket-${buckets}`;
      await fetch(`http://${server.endpoint}/storage/v1/b?project=p`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: bucket }),
      });
      return await startGcs(t, { target: server.endpoint, bucket });
    },
    { resume: "fake-gcs-server forgets an upload session whose connection broke" },
  );
}
