import assert from "node:assert/strict";
import { chmodSync, copyFileSync, existsSync, mkdirSync, statSync } from "node:fs";
import { describe, it } from "node:test";
import { hasProgram, isSanitized, Pod, program, sh, until } from "./program.ts";

/** An installation with a shell script in Node's place that shows what it was given. */
function install(pod: Pod, script: string): string {
  mkdirSync(pod.path("opt/bin"), { recursive: true });
  copyFileSync(program, pod.path("opt/bin/argoexec"));
  chmodSync(pod.write("opt/lib/argoexec/node", `#!/bin/sh\n${script}\n`), 0o755);
  return pod.path("opt/bin/argoexec");
}

const showAll = 'for word; do echo "$word"; done';

describe("dispatch to Node", () => {
  it("hands over every argument as it is, behind the bundle", async (t) => {
    const pod = new Pod(t);
    const installed = install(pod, showAll);

    const exit = await pod.start(["--loglevel", "info", "data", '{"a": 1}', "", "-x"], { program: installed })
      .exited;

    const bundle = pod.path("opt/lib/argoexec/argoexec.cjs");
    assert.deepEqual(exit.stdout.split("\n"), [
      bundle,
      "--loglevel",
      "info",
      "data",
      '{"a": 1}',
      "",
      "-x",
      "",
    ]);
  });

  it("puts the flags of node.flags first", async (t) => {
    const pod = new Pod(t);
    const installed = install(pod, showAll);
    pod.write("opt/lib/argoexec/node.flags", "--max-semi-space-size=1\n\n--no-warnings\n");

    const exit = await pod.start(["init"], { program: installed }).exited;

    assert.match(exit.stdout, /^--max-semi-space-size=1\n--no-warnings\n\S+argoexec.cjs\ninit\n$/);
  });

  it("gives sync a larger young generation, whatever node.flags says", async (t) => {
    const pod = new Pod(t);
    const installed = install(pod, showAll);
    pod.write("opt/lib/argoexec/node.flags", "--max-semi-space-size=1\n");

    const exit = await pod.start(["sync", "plan"], { program: installed }).exited;

    assert.match(
      exit.stdout,
      /^--max-semi-space-size=1\n--max-semi-space-size=4\n\S+argoexec.cjs\nsync\nplan\n$/,
    );
  });

  it("gives roles whose artifacts may be directories of objects a larger young generation, if they have the memory", async (t) => {
    const pod = new Pod(t);
    const installed = install(pod, showAll);
    pod.write("opt/lib/argoexec/node.flags", "--max-semi-space-size=1\n");
    const artifact = { name: "a", path: "/a", s3: { key: "k" } };
    const flagsWith = async (command: string, archive: object) => {
      const template = { name: "t", inputs: { artifacts: [{ ...artifact, archive }] } };
      const env = { ARGO_TEMPLATE: JSON.stringify(template) };
      const { stdout } = await pod.start([command], { program: installed, env }).exited;
      return stdout.split("\n").filter((line) => line.startsWith("--"));
    };

    const large = ["--max-semi-space-size=1", "--max-semi-space-size=16"];
    assert.deepEqual(await flagsWith("init", { none: {} }), large);
    assert.deepEqual(await flagsWith("init", { tar: {} }), large.slice(0, 1));
    assert.deepEqual(await flagsWith("agent", { none: {} }), large.slice(0, 1));

    pod.write("sys/fs/cgroup/memory.max", `${256 * 1024 * 1024}\n`);
    assert.deepEqual(await flagsWith("init", { none: {} }), large);
    pod.write("sys/fs/cgroup/memory.max", "max\n");
    assert.deepEqual(await flagsWith("init", { none: {} }), large);
    pod.write("sys/fs/cgroup/memory.max", `${128 * 1024 * 1024}\n`);
    assert.deepEqual(await flagsWith("init", { none: {} }), large.slice(0, 1));
  });

  it("names what is missing", async (t) => {
    const pod = new Pod(t);
    const installed = install(pod, showAll);
    chmodSync(pod.path("opt/lib/argoexec/node"), 0o644);

    const exit = await pod.start(["agent"], { program: installed }).exited;

    assert.equal(exit.code, 64);
    assert.match(
      exit.stderr,
      /^Error: argoexec agent needs Node at \S+opt\/lib\/argoexec\/node: permission denied; run it/,
    );
  });

  it("starts a copied runtime through its own loader", async (t) => {
    const pod = new Pod(t);
    copyFileSync(program, pod.path("var/run/argo/argoexec"));
    const runtime = pod.path("var/run/argo/runtime");
    chmodSync(pod.write("var/run/argo/runtime/ld.so", `#!/bin/sh\n${showAll}\n`), 0o755);
    chmodSync(pod.write("var/run/argo/runtime/node", ""), 0o755);

    const exit = await pod.start(["artifact-plugin-init", "--plugin-name", "p", "--", "server"], {
      program: pod.path("var/run/argo/argoexec"),
    }).exited;

    const start = ["--library-path", `${runtime}/lib`, `${runtime}/node`, `${runtime}/argoexec.cjs`];
    assert.deepEqual(exit.stdout.split("\n"), [
      ...start,
      "artifact-plugin-init",
      "--plugin-name",
      "p",
      "--",
      "server",
      "",
    ]);
  });
});

describe("kill", () => {
  it("delivers a signal and says so", async (t) => {
    const pod = new Pod(t);
    const main = pod.emissary(["sleep", "60"]);
    await until("main", () => existsSync(pod.container("main", "lock")));

    const exit = await pod.start(["kill", "15", String(main.pid)]).exited;

    assert.equal(exit.code, 0);
    assert.equal(exit.stdout, `killing ${main.pid} with terminated\n`);
    assert.equal((await main.exited).code, 143);
  });

  it("R5: asks the emissary by file where the kernel protects PID 1 from SIGKILL", {
    skip: process.getuid?.() === 0 ? "root might really kill PID 1" : false,
  }, async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.container("main"), { recursive: true });

    const exit = await pod.start(["kill", "9", "1"]).exited;

    assert.match(exit.stdout, /^killing 1 with killed\n/);
    assert.equal(pod.read(pod.container("main", "signal")), "9");
  });

  it("fails with 64, or 2 without arguments, and leaves no termination message", async (t) => {
    const pod = new Pod(t);

    assert.equal((await pod.start(["kill", "15", "2147483646"]).exited).code, 64);
    assert.equal((await pod.start(["kill", "x", "1"]).exited).code, 64);
    assert.equal((await pod.start(["kill"]).exited).code, 2);
    assert.equal((await pod.start(["kill", "--signal", "15", "1"]).exited).code, 64);

    assert.equal(pod.message(), undefined);
  });
});

const canUnshare = hasProgram("unshare", "--pid", "--fork", "--kill-child", "true");

describe("as PID 1", { skip: canUnshare ? false : "needs the right to make a pid namespace" }, () => {
  it("R5: TERM and then KILL by `argoexec kill`, from inside, end a stubborn command", async (t) => {
    const pod = new Pod(t);
    // The signals reach the whole group: whoever sends them must ignore them as well.
    const script = 'trap "" TERM; ("$1" kill 15 1; "$1" kill 9 1) & while :; do sleep 0.05; done';
    const args = ["--pid", "--fork", "--kill-child", program, "emissary", "--", ...sh(script, program)];
    const { code } = await pod.start(args, { program: "unshare" }).exited;

    assert.equal(code, 137);
    assert.equal(pod.verdict(), "137");
  });

  it("R4: reaps orphans and ends with the command, whatever else still runs", async (t) => {
    const pod = new Pod(t);
    const args = [
      "--pid",
      "--fork",
      "--kill-child",
      program,
      "emissary",
      "--",
      ...sh("(sleep 60 &); (true &); exit 6"),
    ];

    const { code } = await pod.start(args, { program: "unshare" }).exited;

    assert.equal(code, 6);
  });
});

describe("version", () => {
  it("prints one line, or all of them", async (t) => {
    const pod = new Pod(t);

    const short = await pod.start(["version", "--short"]).exited;
    const long = await pod.start(["version"]).exited;

    assert.match(short.stdout, /^argoexec: \S+\n$/);
    assert.match(long.stdout, /^argoexec: \S+\n {2}BuildDate: .*\n {2}GitCommit: .*\n {2}GitTreeState: /);
  });
});

describe("artifact-plugin-sidecar", () => {
  const server = sh('trap "echo term; exit 0" TERM; echo ready; while :; do sleep 0.05; done');

  it("ignores SIGTERM and ends by file", async (t) => {
    const pod = new Pod(t);
    const sidecar = pod.start(["artifact-plugin-sidecar", "--", ...server], {
      container: "artifact-plugin-p",
    });
    await until("the server", () => sidecar.stdout() === "ready\n");

    sidecar.kill("SIGTERM");
    sidecar.kill("SIGURG");
    pod.signalByFile("artifact-plugin-p", 15);
    const exit = await sidecar.exited;

    assert.equal(exit.code, 0);
    assert.equal(exit.stdout, "ready\nterm\n");
    assert.equal(pod.verdict("artifact-plugin-p"), "0");
  });

  it("exits with 0 when the server crashed, and says so", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.start(["artifact-plugin-sidecar", "--", ...sh("exit 9")], { container: "p" })
      .exited;

    assert.equal(exit.code, 0);
    assert.equal(pod.verdict("p"), "9");
    assert.match(exit.stderr, /level=ERROR msg="the plugin ended before it was asked to" argo=true code=9/);
  });

  it("fails with 64 when the server cannot be started", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.start(["artifact-plugin-sidecar", "--", "/no/server"], { container: "p" }).exited;

    assert.equal(exit.code, 64);
    assert.equal(pod.verdict("p"), "64");
  });
});

describe("size", () => {
  it("is small enough to be copied into every pod", { skip: isSanitized }, (t) => {
    const { size } = statSync(program);

    t.diagnostic(`${size} bytes`);
    assert.ok(size <= 1 << 20);
  });
});
