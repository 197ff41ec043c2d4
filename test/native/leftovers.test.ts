import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { describe, it } from "node:test";
import { OutputsClient } from "./outputs-client.ts";
import { hasProgram, Pod, program, sh, until } from "./program.ts";
import { without } from "./without.ts";

function isAlive(pid: string): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", pid.trim()], { encoding: "utf8" });
  return /^[^ZX]/.test(stdout.trim());
}

describe("emissary: what the command leaves behind", () => {
  it("R3: ends before outputs are served, in whatever session it hides", async (t) => {
    const pod = new Pod(t);
    const out = pod.path("out");
    pod.plan("main", "collector wait", `output ${out}`);
    const forever = `sh -c 'echo $$ >> ${pod.path("pids")}; while date +%N > ${out}; do :; done'`;
    const emissary = pod.emissary(
      sh(
        `${forever} & setsid ${forever} & (setsid ${forever} &) ; until [ "$(cat ${pod.path("pids")} 2>/dev/null | wc -l)" = 3 ]; do sleep 0.01; done`,
      ),
    );
    const client = await OutputsClient.open(pod);

    // The socket is there early; the first answer comes when the command has ended.
    const first = (await client.ask(`read ${out} 0 99`)).data;
    const pids = pod.read(pod.path("pids")).trim().split("\n");
    assert.equal(pids.length, 3);
    for (const pid of pids) assert.equal(isAlive(pid), false, pid);
    assert.deepEqual((await client.ask(`read ${out} 0 99`)).data, first);
    await client.ask("release");
    assert.equal((await emissary.exited).code, 0);
  });

  it("R3: ends as the first process of a namespace, too", {
    skip: hasProgram("unshare", "-Urpf", "--mount-proc", "true") ? false : "needs unshare",
  }, async (t) => {
    const pod = new Pod(t);
    const beat = pod.path("beat");
    pod.plan("main", "collector wait", `output ${beat}`);
    const running = pod.start(
      ["-Urpf", "--mount-proc", "--kill-child", program, "emissary", "--"].concat(
        sh(
          `setsid sh -c 'while date +%s%N > ${beat}; do sleep 0.01; done' & while ! [ -e ${beat} ]; do sleep 0.01; done`,
        ),
      ),
      { program: "unshare" },
    );
    const client = await OutputsClient.open(pod);

    const last = (await client.ask(`read ${beat} 0 99`)).data.toString();
    spawnSync("sleep", ["0.1"]);
    assert.equal(pod.read(beat), last);
    await client.ask("release");
    assert.equal((await running.exited).code, 0);
  });

  it("does not end what belongs to others", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "collector wait");
    const other = pod.emissary(sh("echo ready; sleep 60"), { container: "other" });
    await until("the other", () => other.stdout() === "ready\n");

    pod.emissary(sh("true"));
    await OutputsClient.open(pod);

    assert.equal(isAlive(String(other.pid)), true);
    assert.equal(existsSync(pod.container("other", "exitcode")), false);
  });
});

describe("emissary: files of the shared volume", () => {
  it("neither follows links nor hangs on FIFOs that stand where its own files go", async (t) => {
    const pod = new Pod(t);
    const victim = pod.write("victim", "untouched");
    mkdirSync(pod.container("main", "exitcode/full"), { recursive: true });
    symlinkSync(victim, pod.container("main", "lock"));
    symlinkSync(victim, pod.container("main", "stdout"));
    symlinkSync(victim, pod.container("main", "combined"));
    spawnSync("mkfifo", [pod.container("main", "signal")]);

    const { code } = await pod.run(sh("echo out; exit 3"), { env: { ARGO_INCLUDE_SCRIPT_OUTPUT: "true" } });

    assert.equal(code, 3);
    assert.equal(pod.verdict(), "3");
    assert.equal(pod.read(victim), "untouched");
    assert.equal(pod.read(pod.container("main", "stdout")), "out\n");
  });

  it("refuses a container's folder that is a link", async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.path("far"));
    mkdirSync(pod.path("var/run/argo/ctr"));
    symlinkSync(pod.path("far"), pod.container("main"));

    const { code, stderr } = await pod.run(["true"]);

    assert.equal(code, 64);
    assert.match(stderr, /failed to create the folder of container "main" below \/var\/run\/argo/);
    assert.equal(existsSync(pod.path("far/exitcode")), false);
  });

  it("believes no plan behind a link or in a FIFO", async (t) => {
    const pod = new Pod(t);
    symlinkSync(pod.write("plan", "plan 1\nfail linked\n"), pod.path("var/run/argo/plan/main"));
    spawnSync("mkfifo", [pod.path("var/run/argo/plan/other")]);

    for (const container of ["main", "other"]) {
      const { code, stderr } = await pod.run(["true"], { container });
      assert.equal(code, 64);
      assert.match(stderr, /open \S+\/plan\/\w+: /);
    }
  });
});

describe("emissary: a volume without sockets or locks", () => {
  it("says so at once, and leaves outputs as files until it is released", async (t) => {
    const pod = new Pod(t);
    const out = pod.write("out/a", "hello");
    pod.plan("main", "collector wait", `output ${pod.path("out")}`, `output ${out}`, "output /none");
    const [helper = "", ...args] = without("bind");
    const running = pod.start(
      [
        ...args,
        program,
        "emissary",
        "--",
        ...sh('echo started; while ! [ -e "$1" ]; do sleep 0.01; done', pod.path("go")),
      ],
      {
        program: helper,
      },
    );
    await until("the command", () => running.stdout() === "started\n");
    pod.write("go", "");
    await until("the verdict", () => existsSync(pod.container("main", "exitcode")));

    const answers = ["0", "1", "2"].map((name) => pod.read(pod.container("main", `handed/${name}`)));
    assert.match(answers[0] ?? "", /^S.{8}directory - /s);
    assert.match(answers[1] ?? "", /^S.{8}file 5 .*helloE?/s);
    assert.match(answers[2] ?? "", /^S.{8}missing/s);
    pod.write("var/run/argo/ctr/main/released", "");

    const { code, stderr } = await running.exited;
    assert.equal(code, 0);
    assert.match(
      stderr.split("\n")[0] ?? "",
      /this volume has no sockets: outputs will be handed over as files/,
    );
    assert.equal(existsSync(pod.container("main", "handed")), false);
  });

  it("runs without locks, and says what that costs", async (t) => {
    const pod = new Pod(t);
    const [helper = "", ...args] = without("flock");

    const { code, stderr } = await pod.start([...args, program, "emissary", "--", "true"], {
      program: helper,
    }).exited;

    assert.equal(code, 0);
    assert.equal(pod.verdict(), "0");
    assert.match(stderr, /this volume has no locks/);
  });
});

describe("emissary: TERM while outputs are read", () => {
  it("serves on until it is released, for as long as the collector lives", async (t) => {
    const pod = new Pod(t);
    const out = pod.write("out", "hello");
    pod.plan("main", "collector wait", `output ${out}`);
    // Any program that holds the collector's lock.
    const collector = pod.emissary(sh("echo ready; sleep 60"), { container: "wait" });
    await until("the collector", () => collector.stdout() === "ready\n");
    // The grace period less its reserve is over at once.
    const env = { ARGO_TERMINATION_GRACE_PERIOD_SECONDS: "2" };
    const main = pod.emissary(["true"], { env });
    const client = await OutputsClient.open(pod);

    main.kill("SIGTERM");
    spawnSync("sleep", ["0.3"]);

    assert.equal((await client.ask(`read ${out} 0 99`)).data.toString(), "hello");
    await client.ask("release");
    assert.equal((await main.exited).code, 0);
  });

  it("ends with the grace period where no collector lives", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "collector wait");
    const main = pod.emissary(["true"], { env: { ARGO_TERMINATION_GRACE_PERIOD_SECONDS: "2" } });
    await OutputsClient.open(pod);

    main.kill("SIGTERM");

    assert.match((await main.exited).stderr, /outputs are served no longer.*terminated/);
  });
});
