import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { startEndlessStore } from "../sync/endless-store.ts";
import { startS3 } from "./s3-location.ts";

const run = promisify(execFile);
const probe = join(import.meta.dirname, "memory-probe.ts");
const onlyOnLinux = process.platform === "linux" ? false : "anonymous memory is read from /proc";

describe("S3 driver: memory", () => {
  it("R13: does not need more for a larger artifact", { skip: onlyOnLinux }, async (t) => {
    const { server } = await startS3(t);
    const peakOf = async (mib: number) => {
      const { stdout } = await run(process.execPath, [
        "--max-semi-space-size=1",
        probe,
        server.endpoint,
        String(mib),
      ]);
      return Number(stdout);
    };

    const peaks = [await peakOf(96), await peakOf(384)];

    const [small = 0, large = 0] = peaks;
    assert.ok(large < 200, `peaks of anonymous memory: ${peaks.join(", ")} MiB`);
    assert.ok(large - small < 64, `peaks of anonymous memory: ${peaks.join(", ")} MiB`);
    t.diagnostic(`peaks of anonymous memory: ${peaks.join(", ")} MiB`);
  });

  it("keeps nothing of the pages of a listing that it has been through", async (t) => {
    const { url } = await startEndlessStore(t, 120_000);
    const listing = join(import.meta.dirname, "listing-probe.ts");
    const { host } = new URL(new URL(url).searchParams.get("endpoint") ?? "");

    const { stdout } = await run(process.execPath, ["--expose-gc", listing, host]);

    const [early = 0, late = 0, objects = 0] = stdout.split(" ").map(Number);
    assert.equal(objects, 120_000);
    // A page is a quarter of a megabyte, and a hundred of them have come in between.
    const grownMib = (late - early) / 2 ** 20;
    assert.ok(grownMib < 5, `${grownMib.toFixed(1)} MiB more are in use after 100 pages`);
  });
});
