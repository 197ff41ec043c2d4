import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isSanitized, Pod, residentKiB, sh, until } from "./program.ts";

describe("emissary: signals", () => {
  const obedient = sh(
    'trap "echo term; exit 7" TERM; trap "echo usr1" USR1; trap "echo cont" CONT; echo ready; while :; do sleep 0.05; done',
  );
  const stubborn = sh('trap "" TERM; echo ready; while :; do sleep 0.05; done');

  it("forwards signals, job control included, to the command", async (t) => {
    const pod = new Pod(t);
    const emissary = pod.emissary(obedient);
    await until("the command", () => emissary.stdout().includes("ready"));

    for (const [signal, word] of [
      ["SIGUSR1", "usr1"],
      ["SIGCONT", "cont"],
      ["SIGTERM", "term"],
    ] as const) {
      emissary.kill(signal);
      await until(word, () => emissary.stdout().includes(word));
    }

    assert.equal((await emissary.exited).code, 7);
  });

  it("obeys the signal file, SIGKILL after SIGTERM included, and removes it", async (t) => {
    const pod = new Pod(t);
    const emissary = pod.emissary(stubborn);
    await until("the command", () => emissary.stdout().includes("ready"));

    pod.signalByFile("main", 15);
    await until("the first signal", () => !existsSync(pod.container("main", "signal")));
    emissary.kill("SIGTERM");
    pod.signalByFile("main", 9);
    const exit = await emissary.exited;

    assert.equal(exit.code, 137);
    assert.equal(pod.verdict(), "137");
    assert.equal(existsSync(pod.container("main", "signal")), false);
  });

  it("obeys a signal that was left before it started", async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.container("main"), { recursive: true });
    pod.signalByFile("main", 15);

    const exit = await pod.run(["sleep", "60"]);

    assert.equal(exit.code, 143);
    assert.equal(pod.verdict(), "143");
  });

  it("does not take the files of an earlier sandbox for its own", async (t) => {
    const pod = new Pod(t);
    await pod.run(sh("echo old"), { env: { ARGO_INCLUDE_SCRIPT_OUTPUT: "true" } });
    pod.signalByFile("main", 9);

    const exit = await pod.run(sh("echo new"), { env: { ARGO_INCLUDE_SCRIPT_OUTPUT: "true" } });

    assert.equal(exit.code, 0);
    assert.equal(pod.read(pod.container("main", "stdout")), "new\n");
  });

  it("R4: reaps 1000 orphans in less than a second", async (t) => {
    const pod = new Pod(t);
    const fifo = pod.path("fifo");
    const script =
      'mkfifo "$1"; i=0; while [ $i -lt 1000 ]; do ( (read x < "$1") & ); i=$((i+1)); done; echo ready; sleep 60';
    const emissary = pod.emissary(sh(script, fifo));
    await until(
      "the orphans",
      () => emissary.stdout().includes("ready") && countChildren(emissary.pid) === 1001,
      30_000,
    );

    writeFileSync(fifo, "");
    const began = performance.now();
    await until("no orphan", () => countChildren(emissary.pid) === 1);
    const elapsed = performance.now() - began;

    t.diagnostic(`1000 orphans reaped in ${elapsed} ms`);
    assert.ok(isSanitized || elapsed < 1000, `${elapsed} ms`);
    emissary.kill("SIGTERM");
    await emissary.exited;
  });

  it("stays below 1.5 MiB of resident memory", { skip: isSanitized }, async (t) => {
    const pod = new Pod(t);
    const emissary = pod.emissary(sh("echo ready; sleep 60"));
    await until("the command", () => emissary.stdout().includes("ready"));

    const resident = residentKiB(emissary.pid);

    t.diagnostic(`${resident} KiB`);
    assert.ok(resident <= 1536, `${resident} KiB`);
    emissary.kill("SIGTERM");
    assert.equal((await emissary.exited).code, 143);
  });
});

/** The processes, zombies included, whose parent this is. */
function countChildren(pid: number): number {
  let count = 0;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid) count++;
    } catch {
      // It ended meanwhile.
    }
  }
  return count;
}
