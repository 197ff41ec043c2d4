import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { describe, it } from "node:test";
import { hasProgram, isSanitized, Pod, program, type Running, residentKiB, sh, until } from "./program.ts";

/** Starts standby; it becomes a shell that prints its process id and the event. */
function standby(pod: Pod, ...options: string[]): Running {
  return pod.start(["standby", ...options, "--", ...sh('echo "$$ $*"')], { container: "wait" });
}

async function eventOf(running: Running): Promise<string> {
  const { stdout, stderr } = await running.exited;
  const [, pid, event] = /^(\d+) --event (\w+)\n$/.exec(stdout) ?? assert.fail(stdout + stderr);
  assert.equal(Number(pid), running.pid);
  return event ?? "";
}

/** Whether standby sleeps in poll, its watches made. */
async function isAsleep(running: Running, pod: Pod, container = "main"): Promise<void> {
  await until("standby's folder", () => existsSync(pod.container(container)));
  await until(
    "standby's watch",
    () =>
      spawnSync("sh", ["-c", `cat /proc/${running.pid}/fdinfo/* | grep -c inotify`])
        .stdout.toString()
        .trim() !== "0",
  );
}

describe("standby", () => {
  it("becomes its command when every container has ended", async (t) => {
    const pod = new Pod(t);
    const running = standby(pod, "--container", pod.container("a"), "--container", pod.container("b"));
    await isAsleep(running, pod, "b");

    await pod.run(["true"], { container: "a" });
    assert.equal(running.stdout(), "");
    await pod.run(["false"], { container: "b" });

    assert.equal(await eventOf(running), "ended");
  });

  it("does so at once when they had ended before", async (t) => {
    const pod = new Pod(t);
    await pod.run(["true"]);

    assert.equal(await eventOf(standby(pod, "--container", pod.container("main"))), "ended");
  });

  it("R1: says ended within a second when an emissary is killed", async (t) => {
    const pod = new Pod(t);
    const main = pod.emissary(sh("echo ready; sleep 60"));
    await until("main", () => main.stdout() === "ready\n");
    const running = standby(pod, "--container", pod.container("main"));
    await isAsleep(running, pod);

    const began = Date.now();
    main.kill("SIGKILL");

    assert.equal(await eventOf(running), "ended");
    const elapsed = Date.now() - began;
    t.diagnostic(`${elapsed} ms`);
    assert.ok(elapsed < 1000, `${elapsed} ms`);
    assert.equal(existsSync(pod.container("main", "exitcode")), false);
  });

  it("goes on sleeping while an emissary serves outputs to others, and when a container has not started", async (t) => {
    const pod = new Pod(t);
    const running = standby(pod, "--container", pod.container("main"));
    await isAsleep(running, pod);

    mkdirSync(pod.container("main", "unrelated"));
    writeFileSync(pod.container("main", "stdout"), "x");
    running.kill("SIGTERM");

    assert.equal(await eventOf(running), "signal");
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`tells of ${signal}`, async (t) => {
      const pod = new Pod(t);
      const running = standby(pod, "--container", pod.container("main"));
      await isAsleep(running, pod);

      running.kill(signal);

      assert.equal(await eventOf(running), "signal");
    });
  }

  it("fires at the deadline, at once where it has passed, and before a limit", async (t) => {
    const pod = new Pod(t);
    const at = Date.now() + 300;

    assert.equal(
      await eventOf(standby(pod, "--deadline", String(at), "--limit", String(at + 60_000))),
      "deadline",
    );
    assert.ok(Date.now() >= at);
    assert.equal(await eventOf(standby(pod, "--deadline", "1")), "deadline");
    assert.equal(
      await eventOf(standby(pod, "--limit", "1", "--deadline", String(Date.now() + 60_000))),
      "limit",
    );
  });

  it("tells of a new last line of the file", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("progress", "1/10\n");
    const running = standby(
      pod,
      "--container",
      pod.container("main"),
      "--watch",
      file,
      "--tick",
      "1",
      "--seen",
      "1/10",
    );
    await isAsleep(running, pod);

    appendFileSync(file, "\n  2/10 \n\n");

    assert.equal(await eventOf(running), "file");
  });

  it("does not wait for the writer to close the file, nor for its folder to exist", async (t) => {
    const pod = new Pod(t);
    const file = pod.path("new/folder/progress");
    const running = standby(
      pod,
      "--container",
      pod.container("main"),
      "--watch",
      file,
      "--tick",
      "1",
      "--seen",
      "",
    );
    await until("the folder", () => existsSync(pod.path("new/folder")));

    const fd = openSync(file, "w");
    t.after(() => closeSync(fd));
    writeSync(fd, "1/2");

    assert.equal(await eventOf(running), "file");
  });

  it("tells of the file once a tick at most", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("progress", "2/10");
    const began = Date.now();

    assert.equal(await eventOf(standby(pod, "--watch", file, "--tick", "400", "--seen", "1/10")), "file");

    assert.ok(Date.now() - began >= 400);
  });

  it("ignores a file that says what was seen, or nothing", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("progress", "\n \n");
    const running = standby(
      pod,
      "--limit",
      String(Date.now() + 300),
      "--watch",
      file,
      "--tick",
      "1",
      "--seen",
      "1/2",
    );

    assert.equal(await eventOf(running), "limit");
  });

  it("fails with 64 for options that it cannot understand", async (t) => {
    const pod = new Pod(t);

    for (const args of [[], ["--deadline", "soon", "--", "true"], ["--moon", "1", "--", "true"], ["--"]]) {
      assert.equal((await pod.start(["standby", ...args]).exited).code, 64);
    }
    assert.equal((await pod.start(["standby", "--deadline", "1", "--", "/no/such"]).exited).code, 64);
  });

  it("stays below 2 MiB of resident memory", { skip: isSanitized }, async (t) => {
    const pod = new Pod(t);
    const running = standby(
      pod,
      "--container",
      pod.container("main"),
      "--watch",
      pod.path("progress"),
      "--tick",
      "1",
    );
    await isAsleep(running, pod);

    const resident = residentKiB(running.pid);
    running.kill("SIGTERM");

    t.diagnostic(`${resident} KiB`);
    assert.ok(resident <= 2048, `${resident} KiB`);
    await running.exited;
  });

  it("keeps a lock that it was given", {
    skip: hasProgram("flock", "--version") ? false : "needs flock",
  }, async (t) => {
    const pod = new Pod(t);
    const lock = pod.write("lock", "");
    const child = spawn("sh", [
      "-c",
      `exec 9<"$1"; flock 9; exec "$2" standby --limit 99999999999999 -- true`,
      "sh",
      lock,
      program,
    ]);
    t.after(() => child.kill("SIGKILL"));
    const isFree = () => spawnSync("flock", ["-n", lock, "true"]).status === 0;
    await until("the lock", () => !isFree());
    await until("standby", () =>
      spawnSync("cat", [`/proc/${child.pid}/cmdline`])
        .stdout.toString()
        .includes("standby"),
    );

    assert.equal(isFree(), false);
    child.kill("SIGKILL");
    await until("the lock to be free", isFree);
  });
});
