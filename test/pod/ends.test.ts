import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Outputs } from "../../src/template/index.ts";
import { shell, startPod, startServers, type TestPod, until, untilFile } from "./desk.ts";

/** Resolves when main has printed something. */
async function started(pod: TestPod): Promise<void> {
  await until("main's first line", () => pod.printed("main") !== "");
}

function isAlive(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("the end of a pod", { concurrency: 2 }, () => {
  it("R1: sees within two seconds that main's first process was killed, and saves the log", async (t) => {
    const pod = await startPod(t, shell("echo going; sleep 60"));
    await started(pod);
    await pod.waitForState(() => true);

    const killedMs = performance.now();
    pod.container("main").signal("SIGKILL");

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 137 });
    assert.ok(performance.now() - killedMs < 2000, `the verdict took ${performance.now() - killedMs} ms`);
    assert.deepEqual(pod.saved(), ["main-logs"]);
    assert.equal((await pod.stored("main-logs")).toString(), "going\n");
    assert.ok(pod.isCompleted());
  });

  it("R1: takes main for killed, and releases the controller, where its exit code is none", async (t) => {
    const pod = await startPod(t, shell("mkdir /var/run/argo/ctr/main/exitcode; echo going; sleep 60"));
    await started(pod);
    await pod.waitForState(() => true);

    pod.container("main").signal("SIGKILL");

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 137 });
    assert.deepEqual(pod.saved(), ["main-logs"]);
    assert.ok(pod.isCompleted());
  });

  it("R1: says that outputs went with a container that was killed whole", async (t) => {
    const pod = await startPod(
      t,
      shell("echo made > /tmp/made; echo going; sleep 60", {
        outputs: { artifacts: [{ name: "made", path: "/tmp/made" }] },
      }),
    );
    await started(pod);
    await pod.waitForState(() => true);

    pod.container("main").killAll();

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 137 });
    assert.match(await pod.message("wait"), /^main was killed, .*: artifact made failed to save: /);
    assert.deepEqual(pod.saved(), ["main-logs"]);
    assert.ok(pod.isCompleted());
  });

  it("R3: does not wait for a child that main left in the background with its output open", async (t) => {
    const pod = await startPod(
      t,
      shell("sleep 600 & echo $! > /tmp/child; echo done; echo out > /tmp/out", {
        outputs: { artifacts: [{ name: "out", path: "/tmp/out" }] },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["out", "main-logs"]);
    const child = readFileSync(pod.path("main", "/tmp/child"), "utf8").trim();
    assert.ok(!isAlive(child), "the child must have gone with its container");
  });

  it("R5: kills a sidecar that ignores TERM after the grace period", async (t) => {
    const pod = await startPod(
      t,
      shell("echo main done", {
        sidecars: [
          {
            name: "stubborn",
            image: "busybox",
            command: ["sh", "-c"],
            args: ["trap '' TERM; while :; do sleep 0.1; done"],
          },
          {
            name: "polite",
            image: "busybox",
            command: ["sh", "-c"],
            args: ["exec 2>/dev/null; trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done"],
          },
        ],
      }),
      { gracePeriodSeconds: 1 },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0, stubborn: 137, polite: 0 });
    assert.equal(pod.printed("polite"), "bye\n");
    assert.ok(pod.isCompleted());
  });

  it("R6: lets sidecars run until everything is uploaded", async (t) => {
    const pod = await startPod(
      t,
      shell("echo out > /tmp/out", {
        outputs: { artifacts: [{ name: "out", path: "/tmp/out" }] },
        sidecars: [
          {
            name: "proxy",
            image: "busybox",
            command: ["sh", "-c"],
            args: ["exec 2>/dev/null; trap 'date +%s%3N; exit 0' TERM; while :; do sleep 0.05; done"],
          },
        ],
      }),
    );
    pod.servers.store.addFault({ kind: "delay", ms: 1500, match: { method: "PUT", key: /out\.tgz$/ } });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0, proxy: 0 });
    const upload = pod.servers.store.requests.find(
      ({ method, key }) => method === "PUT" && key?.endsWith("out.tgz"),
    );
    const toldMs = Number(pod.printed("proxy"));
    assert.ok(
      toldMs >= (upload?.atMs ?? 0) + 1500,
      `told ${toldMs - (upload?.atMs ?? 0)} ms after the upload began`,
    );
    assert.deepEqual(pod.saved(), ["out", "main-logs"]);
  });

  it("R31: ends main at the workflow's deadline, and saves its log and what it completed", async (t) => {
    const pod = await startPod(
      t,
      shell("echo started; echo early > /tmp/early; sleep 60", {
        outputs: { artifacts: [{ name: "early", path: "/tmp/early" }] },
      }),
      { deadlineMs: Date.now() + 1500 },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 143 });
    assert.equal(await pod.message("wait"), "Step exceeded its deadline");
    assert.deepEqual(await pod.unpacked("early"), { early: "early\n" });
    assert.equal((await pod.stored("main-logs")).toString(), "started\n");
  });

  it("kills a main that ignores the deadline's TERM when the grace period is over", async (t) => {
    const pod = await startPod(t, shell("trap '' TERM; echo started; while :; do sleep 0.1; done"), {
      deadlineMs: Date.now() + 1000,
      gracePeriodSeconds: 1,
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 137 });
    assert.equal(await pod.message("wait"), "Step exceeded its deadline");
    assert.deepEqual(pod.saved(), ["main-logs"]);
  });

  it("saves what main completes after TERM when the pod is deleted (docs/contract/pod.md#defect-13)", async (t) => {
    const pod = await startPod(
      t,
      shell("trap 'sleep 0.3; echo late > /tmp/late; exit 7' TERM; echo started; sleep 100 & wait", {
        outputs: { artifacts: [{ name: "late", path: "/tmp/late" }] },
      }),
    );
    await started(pod);
    await pod.waitForState(() => true);

    await pod.desk.stop(20_000);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 7 });
    assert.deepEqual(await pod.unpacked("late"), { late: "late\n" });
    assert.ok(pod.isCompleted());
  });

  it("reports what is complete when it is told to end during an upload, and everything if it is not killed after all", async (t) => {
    const servers = await startServers(t);
    const busy = { kind: "status", status: 503, code: "SlowDown" } as const;
    servers.store.addFault({ ...busy, match: { method: "PUT", key: /slow\.tgz$/ } });
    const patience = {
      EXECUTOR_RETRY_BACKOFF_DURATION: "100ms",
      EXECUTOR_RETRY_BACKOFF_FACTOR: "1",
      EXECUTOR_RETRY_BACKOFF_STEPS: "10000",
    };
    const artifacts = ["quick", "slow"].map((name) => ({ name, path: `/tmp/${name}` }));
    const pod = await startPod(
      t,
      shell("echo 1 > /tmp/quick; echo 2 > /tmp/slow", { outputs: { artifacts } }),
      {
        servers,
        executorEnv: patience,
      },
    );
    await servers.store.waitForRequest(({ method, key = "" }) => method === "PUT" && /slow/.test(key));

    // The controller's, after which no SIGKILL comes.
    pod.container("wait").signal("SIGTERM");

    const early = await pod.waitForState(({ outputs }) => outputs !== undefined);
    const saved = (outputs: unknown) => (outputs as Outputs).artifacts?.map(({ name }) => name);
    assert.deepEqual(saved(early.outputs), ["quick"]);
    assert.equal(early.metadata.labels?.["workflows.argoproj.io/report-outputs-completed"], "false");
    assert.equal(
      readFileSync(pod.path("wait", "/dev/termination-log"), "utf8"),
      "told to end before these were saved: artifact slow, the log",
    );
    servers.store.clearFaults();
    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal(await pod.message("wait"), "");
    assert.deepEqual(pod.saved(), ["quick", "slow", "main-logs"]);
    assert.ok(pod.isCompleted());
  });

  it("saves outputs of a step whose own time limit has passed", async (t) => {
    const pod = await startPod(
      t,
      shell("echo early > /tmp/early; echo started; sleep 60", {
        // Long enough for every container to be up: TERM ends a wait that is still starting.
        activeDeadlineSeconds: 3,
        outputs: { artifacts: [{ name: "early", path: "/tmp/early" }] },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 143 });
    assert.match((await pod.ended).message ?? "", /longer than the specified deadline/);
    assert.deepEqual(await pod.unpacked("early"), { early: "early\n" });
  });

  it("reports what there is when main does not end within its share of the grace period", async (t) => {
    const pod = await startPod(
      t,
      shell("trap '' TERM; echo started; while :; do sleep 0.1; done", {
        outputs: { artifacts: [{ name: "never", path: "/tmp/never" }] },
      }),
      { gracePeriodSeconds: 3 },
    );
    await started(pod);
    await pod.waitForState(() => true);

    await pod.desk.stop(4000);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 137 });
    assert.match(
      await pod.message("wait"),
      /^main was killed, or had to be left running: artifact never failed to save: /,
    );
    assert.equal((await pod.stored("main-logs")).toString(), "started\n");
    assert.ok(pod.isCompleted());
  });

  it("ends at once when it is deleted before main has started", async (t) => {
    const pod = await startPod(
      t,
      shell("echo never", { inputs: { artifacts: [{ name: "x", path: "/in/x", s3: { key: "slow" } }] } }),
    );
    pod.servers.store.addFault({ kind: "delay", ms: 60_000 });
    await pod.servers.store.waitForRequest(({ key }) => key === "slow");

    await pod.desk.stop(10_000);

    const codes = await pod.codes();
    assert.deepEqual(Object.keys(codes), ["init"]);
    assert.notEqual(codes.init, 0);
    assert.notEqual(codes.init, 137, "init must end by itself");
  });

  it("forwards TERM to a command that ends well on it", async (t) => {
    const pod = await startPod(t, shell("trap 'echo got TERM; exit 0' TERM; echo started; sleep 100 & wait"));
    await untilFile(pod, "main", "/var/run/argo/ctr/main/lock");
    await started(pod);

    pod.container("main").signal("SIGTERM");

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal((await pod.stored("main-logs")).toString(), "started\ngot TERM\n");
  });
});
