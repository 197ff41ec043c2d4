import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shell, startPod, until } from "./desk.ts";

const shared = "/var/run/argo";

describe("a hostile step", { concurrency: 2 }, () => {
  it("cannot change the template that its outputs are saved by", async (t) => {
    const evil = JSON.stringify({
      name: "evil",
      container: {},
      outputs: { parameters: [{ name: "stolen", valueFrom: { path: "/none", default: "x" } }] },
    });
    const pod = await startPod(
      t,
      shell(`echo ok > /tmp/p; rm -f ${shared}/template; echo '${evil}' > ${shared}/template; sleep 0.3`, {
        outputs: { parameters: [{ name: "p", valueFrom: { path: "/tmp/p" } }] },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.parameters(), { p: "ok" });
  });

  it("gets no file of ours as its result through a link at stdout", async (t) => {
    const pod = await startPod(
      t,
      shell(`rm -f ${shared}/ctr/main/stdout; ln -s /etc/passwd ${shared}/ctr/main/stdout; echo done`),
      { readsResult: true },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.equal(pod.outputs().result, undefined);
    assert.match(await pod.message("wait"), /the script result could not be read: .*must leave .* alone/);
    assert.ok(pod.isCompleted());
  });

  it("does not hang us with FIFOs at stdout and at the progress file", async (t) => {
    const pod = await startPod(
      t,
      shell(
        `rm -f ${shared}/ctr/main/stdout ${shared}/progress; mkfifo ${shared}/ctr/main/stdout ${shared}/progress; echo done`,
      ),
      { readsResult: true, progressTick: "50ms" },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.ok(pod.isCompleted());
  });

  for (const what of ["mkfifo", "mkdir -p"]) {
    it(`does not switch the deadline off (${what} in the signal file's place)`, async (t) => {
      const pod = await startPod(
        t,
        shell(
          `rm -rf ${shared}/ctr/main/signal; ${what} ${shared}/ctr/main/signal; echo going; exec sleep 60`,
        ),
        { deadlineMs: Date.now() + 4000, gracePeriodSeconds: 5 },
      );

      assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 143 });
      assert.match(await pod.message("wait"), /Step exceeded its deadline/);
    });
  }

  it("does not speak through our messages by its exit code", async (t) => {
    const pod = await startPod(
      t,
      shell(`echo going; sleep 60`, { outputs: { artifacts: [{ name: "a", path: "/tmp/a" }] } }),
    );
    await until("main", () => pod.printed("main") !== "");
    await pod.waitForState(() => true);
    const { writeFileSync } = await import("node:fs");
    writeFileSync(pod.path("main", `${shared}/ctr/main/exitcode`), "0 <b>click here</b>");

    pod.container("main").signal("SIGKILL");

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 137 });
    assert.doesNotMatch(await pod.message("wait"), /click/);
  });

  it("loses no outputs by 200 kB of progress in one line", async (t) => {
    const pod = await startPod(
      t,
      shell(
        `head -c 200000 /dev/zero | tr '\\0' x > ${shared}/progress; echo ok > /tmp/p; sleep 1; echo >> ${shared}/progress; echo 3/4 >> ${shared}/progress; sleep 0.5`,
        { outputs: { parameters: [{ name: "p", valueFrom: { path: "/tmp/p" } }] } },
      ),
      { progressTick: "50ms" },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.parameters(), { p: "ok" });
    assert.equal(pod.taskResult()?.progress, "3/4");
  });

  it("leaves nothing running that could change its outputs while they are saved", async (t) => {
    const pod = await startPod(
      t,
      shell("(setsid sh -c 'while :; do date +%N > /tmp/p; done' &); sleep 0.3; echo 1 > /tmp/q", {
        outputs: { parameters: [{ name: "q", valueFrom: { path: "/tmp/q" } }] },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.parameters(), { q: "1" });
  });
});
