import assert from "node:assert/strict";
import { existsSync, statSync, symlinkSync, unlinkSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { CapturedLog } from "../../src/outputs/index.ts";
import { PodPaths } from "../../src/podfiles/index.ts";
import { Pod, sh, until } from "../native/program.ts";

const noticePattern = /^argoexec: the first (\d+) bytes of this log were left out .*\n/;

/** The saved text, and the output it stands for. */
async function readLog(pod: Pod): Promise<{ leftOut: number; kept: string } | undefined> {
  await using log = await CapturedLog.open(new PodPaths(pod.root), "main");
  if (log === undefined) return undefined;
  const content = log.content("main.log");
  const text = (await buffer(content.open())).toString("latin1");
  assert.equal(text.length, content.sizeBytes);
  const [notice = "", leftOut = "0"] = noticePattern.exec(text) ?? [];
  assert.equal(Number(leftOut), log.leftOutBytes);
  return { leftOut: Number(leftOut), kept: text.slice(notice.length) };
}

describe("captured log", () => {
  it("R32: begins with a line that says how many bytes were left out", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture combined 80000");
    // 100,000 lines of 9 bytes.
    await pod.run(sh("seq -f %08.0f 100000"), { stdout: "ignore" });

    const log = await readLog(pod);

    assert.ok(log);
    assert.equal(log.leftOut + log.kept.length, 900_000);
    assert.ok(log.kept.length > 70_000 && log.kept.length <= 80_000, `${log.kept.length} bytes`);
    assert.match(log.kept, /\n00099999\n00100000\n$/);
  });

  it("is whole and without that line as long as it fits", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture combined 80000");
    await pod.run(sh("seq -f %08.0f 8000"), { stdout: "ignore" });

    const log = await readLog(pod);

    assert.equal(log?.leftOut, 0);
    assert.equal(log?.kept.length, 72_000);
    assert.match(log?.kept ?? "", /^00000001\n/);
  });

  it("reads any range, across segments", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture combined 800");
    await pod.run(sh("seq -f %08.0f 1000"), { stdout: "ignore" });
    await using log = await CapturedLog.open(new PodPaths(pod.root), "main");
    const content = log?.content("main.log");
    assert.ok(content);
    const whole = await buffer(content.open());

    for (let offset = 0; offset < whole.length; offset += 97) {
      const part = await buffer(content.open({ offset, length: 150 }));
      assert.deepEqual(part, whole.subarray(offset, offset + 150));
    }
  });

  it("is one unbroken piece of the output while the command prints on", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture combined 400000");
    const emissary = pod.emissary(sh("seq -f %08.0f 90000000"), { stdout: "ignore" });
    await until("a segment", () => existsSync(pod.container("main", "combined.50000")));

    for (let look = 0; look < 20; look++) {
      const log = await readLog(pod);
      assert.ok(log);
      // Each number tells where it stands.
      const skipped = (9 - (log.leftOut % 9)) % 9;
      const lines = log.kept.slice(skipped).split("\n").slice(0, -1);
      const first = (log.leftOut + skipped) / 9 + 1;
      assert.ok(lines.length > 0);
      lines.forEach((line, index) => {
        assert.equal(Number(line), first + index);
      });
    }
    emissary.kill("SIGKILL");
  });

  it("outlives a killed emissary and the removal of its files", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture combined 80000");
    const emissary = pod.emissary(sh('seq -f %08.0f 20000; touch "$1"; sleep 60', pod.path("done")), {
      stdout: "ignore",
    });
    await until("the output", () => existsSync(pod.path("done")));
    const last = pod.container("main", "combined.170000");
    await until("all of it", () => existsSync(last) && statSync(last).size === 10_000);
    emissary.kill("SIGKILL");
    await emissary.exited;
    await using log = await CapturedLog.open(new PodPaths(pod.root), "main");
    assert.ok(log);
    unlinkSync(last);

    const text = (await buffer(log.content("main.log").open())).toString();

    assert.match(text, /\n00020000\n$/);
  });

  it("refuses a link that the step left in its place", async (t) => {
    const pod = new Pod(t);
    await pod.run(["true"]);
    symlinkSync("/etc/passwd", pod.container("main", "combined"));

    await assert.rejects(CapturedLog.open(new PodPaths(pod.root), "main"), { code: "BadRequest" });
  });

  it("does not exist where nothing was captured", async (t) => {
    const pod = new Pod(t);

    assert.equal(await CapturedLog.open(new PodPaths(pod.root), "main"), undefined);
  });
});
