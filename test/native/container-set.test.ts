import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { OutputsClient } from "./outputs-client.ts";
import { Pod, sh, until } from "./program.ts";

describe("container sets", () => {
  it("starts a member after its dependencies have succeeded", async (t) => {
    const pod = new Pod(t);
    pod.plan("b", "dependency a", "dependency a2");
    const b = pod.emissary(sh("echo b"), { container: "b" });
    await until("b waits", () => existsSync(pod.container("a")));

    await pod.run(sh("echo a"), { container: "a" });
    await until("b waits for a2", () => existsSync(pod.container("a2")));
    assert.equal(b.stdout(), "");
    await pod.run(["true"], { container: "a2" });

    assert.equal((await b.exited).code, 0);
    assert.equal(pod.verdict("b"), "0");
  });

  it("fails with 64 when a dependency failed, and passes its code on", async (t) => {
    const pod = new Pod(t);
    pod.plan("b", "dependency bad");
    await pod.run(sh("exit 4"), { container: "bad" });

    const exit = await pod.run(sh("echo b"), { container: "b" });

    assert.equal(exit.code, 64);
    assert.equal(exit.stdout, "");
    assert.equal(pod.verdict("b"), "4");
    assert.equal(pod.message(), 'dependency "bad" exited with non-zero code: 4');
  });

  it("R1: fails when a dependency was killed without an exit code", async (t) => {
    const pod = new Pod(t);
    pod.plan("b", "dependency a");
    const a = pod.emissary(sh("echo ready; sleep 60"), { container: "a" });
    const b = pod.emissary(sh("echo b"), { container: "b" });
    await until("a", () => a.stdout() === "ready\n");

    a.kill("SIGKILL");

    assert.equal((await b.exited).code, 64);
    assert.match(pod.message() ?? "", /dependency "a" died/);
  });

  it("waits until a half-written exit code can be read", async (t) => {
    const pod = new Pod(t);
    pod.plan("b", "dependency a");
    mkdirSync(pod.container("a"), { recursive: true });
    writeFileSync(pod.container("a", "exitcode"), "");
    const b = pod.emissary(sh("echo b"), { container: "b" });
    await until("b", () => existsSync(pod.container("b", "lock")));

    writeFileSync(pod.container("a", "exitcode"), "0");

    assert.equal((await b.exited).code, 0);
  });

  it("exits with 143 on SIGTERM while it waits", async (t) => {
    const pod = new Pod(t);
    pod.plan("b", "dependency a");
    const b = pod.emissary(["true"], { container: "b" });
    await until("b waits", () => existsSync(pod.container("a")));

    b.kill("SIGTERM");

    assert.equal((await b.exited).code, 143);
  });

  it("keeps 64 when the command of a member with dependencies is not found", async (t) => {
    const pod = new Pod(t);
    pod.plan("b", "dependency a");
    await pod.run(["true"], { container: "a" });

    await pod.run(["no-such-command"], { container: "b" });

    assert.equal(pod.verdict("b"), "64");
  });
});

describe("attempts", () => {
  const counting = sh('echo x >> "$1"; test $(wc -l < "$1") -ge 3');

  it("S3: runs the command until it succeeds", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "attempts 5", "pause 10");

    const exit = await pod.run([...counting, pod.path("count")]);

    assert.equal(exit.code, 0);
    assert.equal(pod.read(pod.path("count")), "x\nx\nx\n");
  });

  it("keeps the last failure when all attempts failed, and appends what each wrote", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "attempts 2", "capture stdout 0");

    const exit = await pod.run(sh("echo once; exit 8"));

    assert.equal(exit.code, 8);
    assert.equal(pod.read(pod.container("main", "stdout")), "once\nonce\n");
  });

  it("never runs the command again after a request to stop", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "attempts 5");
    const emissary = pod.emissary(sh('echo run; trap "exit 3" TERM; while :; do sleep 0.05; done'));
    await until("the command", () => emissary.stdout() === "run\n");

    pod.signalByFile("main", 15);
    const exit = await emissary.exited;

    assert.equal(exit.code, 3);
    assert.equal(exit.stdout, "run\n");
  });

  it("ends at once when it is stopped in the pause", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "attempts 5", "pause 60000");
    const emissary = pod.emissary(sh('echo run; touch "$1"; exit 3', pod.path("ran")));
    await until("the command", () => existsSync(pod.path("ran")));

    emissary.kill("SIGTERM");

    const { code } = await emissary.exited;
    assert.ok(code === 3 || code === 143, `${code}`);
  });
});

describe("sidecars", () => {
  it("end when every container they serve has ended", async (t) => {
    const pod = new Pod(t);
    pod.plan("proxy", "ends-with main");
    const proxy = pod.emissary(sh('trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done'), {
      container: "proxy",
    });
    await until("the sidecar", () => proxy.stdout() === "ready\n");

    await pod.run(["true"]);

    assert.equal((await proxy.exited).code, 0);
  });

  it("stay while outputs are collected from a container they serve", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "collector wait");
    pod.plan("proxy", "ends-with main");
    const proxy = pod.emissary(["sleep", "60"], { container: "proxy" });
    pod.emissary(["true"]);
    const client = await OutputsClient.open(pod);
    await until("the verdict", () => existsSync(pod.container("main", "exitcode")));
    await until("the sidecar", () => existsSync(pod.container("proxy", "lock")));

    assert.equal(existsSync(pod.container("proxy", "exitcode")), false);
    await client.ask("release");

    assert.equal((await proxy.exited).code, 143);
  });

  it("R5: are killed after the grace period when they ignore TERM", async (t) => {
    const pod = new Pod(t);
    pod.plan("proxy", "ends-with main");
    const env = { ARGO_TERMINATION_GRACE_PERIOD_SECONDS: "1" };
    const proxy = pod.emissary(sh('trap "" TERM; echo ready; while :; do sleep 0.05; done'), {
      container: "proxy",
      env,
    });
    await until("the sidecar", () => proxy.stdout() === "ready\n");

    const began = performance.now();
    await pod.run(["true"]);
    const exit = await proxy.exited;

    assert.equal(exit.code, 137);
    assert.ok(performance.now() - began >= 1000);
  });

  it("R1: end when the container they serve was killed", async (t) => {
    const pod = new Pod(t);
    pod.plan("proxy", "ends-with main");
    const main = pod.emissary(sh("echo ready; sleep 60"));
    const proxy = pod.emissary(["sleep", "60"], { container: "proxy" });
    await until("both", () => main.stdout() === "ready\n" && existsSync(pod.container("proxy", "lock")));

    main.kill("SIGKILL");

    assert.equal((await proxy.exited).code, 143);
  });
});
