import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
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
});
