import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { shell, startPod, startServers, until } from "./desk.ts";

/** With ten pods on each processor, every one of them has the 100m of CPU that operators give to wait. */
const podsPerProcessor = 10;
const processors = Math.min(2, availableParallelism());
const tickMs = 1_000;
/** A sixth of what lies between two reports of progress where nothing is configured (docs/contract/pod.md#2.1). */
const lateMs = 10_000;

/** A gate for any number of shells: opening it blocks them until we open it. */
async function gate(t: TestContext) {
  // Not below /tmp, which is another folder in each container.
  const folder = await mkdtemp("/var/tmp/gate-");
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "gate");
  execFileSync("mkfifo", [path]);
  return {
    path,
    /** Stays open, for those who come late. */
    open: () => {
      const writer = createWriteStream(path);
      t.after(() => writer.destroy());
      return performance.now();
    },
  };
}

/** Confines this process, and with it all that it starts, to so many processors. */
function confineTo(count: number): boolean {
  const args = ["-a", "-c", "-p", count === 1 ? "0" : `0-${count - 1}`, String(process.pid)];
  return spawnSync("taskset", args).status === 0;
}

describe("many pods of a node", () => {
  it("S18: report progress and logs at once with a tenth of a processor each, and none is late", async (t) => {
    if (!confineTo(processors)) return t.skip("needs taskset, and the first processors");
    const count = podsPerProcessor * processors;
    const servers = await startServers(t);
    const half = await gate(t);
    const end = await gate(t);
    const script = `
      echo ready; : < ${half.path}
      echo 1/2 > "$ARGO_PROGRESS_FILE"; : < ${end.path}
      echo 2/2 > "$ARGO_PROGRESS_FILE"; seq 2000; echo out > /tmp/out`;
    const outputs = { parameters: [{ name: "out", valueFrom: { path: "/tmp/out" } }] };

    const pods = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        startPod(t, shell(script, { name: `step-${index}`, outputs }), {
          servers,
          progressTick: `${tickMs}ms`,
        }),
      ),
    );
    await until("all commands", () => pods.every((pod) => pod.printed("main") !== ""));
    await Promise.all(pods.map((pod) => pod.waitForState(() => true)));
    const halfAt = half.open();
    const progressMs = await Promise.all(
      pods.map(async (pod) => {
        await pod.waitForState(({ progress }) => progress === "1/2");
        return performance.now() - halfAt - tickMs;
      }),
    );
    const endAt = end.open();
    const resultMs = await Promise.all(
      pods.map(async (pod) => {
        await pod.ended;
        return performance.now() - endAt;
      }),
    );

    t.diagnostic(
      `${count} pods, the latest: progress ${Math.max(...progressMs) | 0} ms, end ${Math.max(...resultMs) | 0} ms`,
    );
    for (const pod of pods) {
      assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
      assert.ok(pod.isCompleted());
      assert.equal(pod.taskResult()?.progress, "2/2");
      assert.deepEqual(pod.parameters(), { out: "out" });
      assert.match((await pod.stored("main-logs")).toString(), /^ready\n1\n(\d+\n){1998}2000\n$/);
      assert.doesNotMatch(pod.log("wait"), /level=(WARN|ERROR)|time(d )?out/i);
    }
    assert.ok(Math.max(...progressMs, ...resultMs) < lateMs);
  });
});
