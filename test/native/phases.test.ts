import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { describe, it } from "node:test";
import { hasProgram, isSanitized, Pod, program, type Running, residentKiB, sh, until } from "./program.ts";

/** An installation whose Node is a script: it says what it wants on $ARGOEXEC_CONTROL_FD, as our Node does. */
function install(pod: Pod, script: string): string {
  mkdirSync(pod.path("opt/bin"), { recursive: true });
  copyFileSync(program, pod.path("opt/bin/argoexec"));
  const head = 'say() { eval "printf %s \\"\\$1\\" >&$ARGOEXEC_CONTROL_FD"; }\n';
  chmodSync(pod.write("opt/lib/argoexec/node", `#!/bin/bash\n${head}${script}\n`), 0o755);
  return pod.path("opt/bin/argoexec");
}

/** A collector that sleeps for these directives and, when it is woken, prints the event and ends. */
function collector(pod: Pod, ...directives: string[]): Running {
  const request = [...directives, "sleep", ""].join("\\n");
  const script = `[ -n "$ARGOEXEC_EVENT" ] && { echo "$ARGOEXEC_EVENT"; exit 0; }\nsay $'${request}'`;
  return pod.start(["wait"], { program: install(pod, script), container: "wait" });
}

async function eventOf(running: Running): Promise<string> {
  const { stdout, stderr } = await running.exited;
  assert.match(stdout, /^\w+\n$/, stderr);
  return stdout.trim();
}

/** Whether the program sleeps: its watches are made and no Node runs. */
async function isAsleep(running: Running): Promise<void> {
  await until("the watches", () =>
    /inotify/.test(spawnSync("sh", ["-c", `cat /proc/${running.pid}/fdinfo/*`]).stdout.toString()),
  );
}

describe("phases: Node is killed", () => {
  const script = (rest: string) => `echo "\${ARGOEXEC_EVENT:-start}" >> $ARGOEXEC_ROOT/starts; ${rest}`;

  it("starts it again with the same event", async (t) => {
    const pod = new Pod(t);
    const once = "[ $(wc -l < $ARGOEXEC_ROOT/starts) = 1 ] && kill -9 $$; exit 3";

    const exit = await pod.start(["wait"], { program: install(pod, script(once)), container: "wait" }).exited;

    assert.equal(exit.code, 3);
    assert.equal(readFileSync(pod.path("starts"), "utf8"), "start\nstart\n");
    assert.match(exit.stderr, /msg="Node was killed: starting it again" argo=true event=start/);
    assert.equal(pod.message(), undefined);
  });

  it("gives up the second time, and names the remedy", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.start(["wait"], { program: install(pod, script("kill -9 $$")), container: "wait" })
      .exited;

    assert.equal(exit.code, 137);
    assert.equal(readFileSync(pod.path("starts"), "utf8"), "start\nstart\n");
    assert.match(pod.message() ?? "", /^Node was killed by signal 9: .*raise this container's memory limit$/);
  });

  it("is not tried again in init, whose container the kubelet starts again if it may", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.start(["init"], { program: install(pod, script("kill -9 $$")), container: "init" })
      .exited;

    assert.equal(exit.code, 137);
    assert.equal(readFileSync(pod.path("starts"), "utf8"), "start\n");
    assert.match(pod.message() ?? "", /^Node was killed by signal 9/);
  });
});

describe("phases: standby", () => {
  it("starts Node again when every container has ended", async (t) => {
    const pod = new Pod(t);
    const running = collector(pod, "container a", "container b");
    await isAsleep(running);

    await pod.run(["true"], { container: "a" });
    assert.equal(running.stdout(), "");
    await pod.run(["false"], { container: "b" });

    assert.equal(await eventOf(running), "ended");
  });

  it("does so at once when they had ended before", async (t) => {
    const pod = new Pod(t);
    await pod.run(["true"]);

    assert.equal(await eventOf(collector(pod, "container main")), "ended");
  });

  it("R1: says ended when an emissary is killed", async (t) => {
    const pod = new Pod(t);
    const main = pod.emissary(sh("echo ready; sleep 60"));
    await until("main", () => main.stdout() === "ready\n");
    const running = collector(pod, "container main");
    await isAsleep(running);

    main.kill("SIGKILL");

    assert.equal(await eventOf(running), "ended");
    assert.equal(existsSync(pod.container("main", "exitcode")), false);
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`tells of ${signal}`, async (t) => {
      const pod = new Pod(t);
      const running = collector(pod, "container main");
      await isAsleep(running);

      running.kill(signal);

      assert.equal(await eventOf(running), "signal");
    });
  }

  it("fires at the deadline, at once where it has passed, and before a limit", async (t) => {
    const pod = new Pod(t);
    const at = Date.now() + 300;

    assert.equal(await eventOf(collector(pod, `deadline ${at}`, `limit ${at + 60_000}`)), "deadline");
    assert.ok(Date.now() >= at);
    assert.equal(await eventOf(collector(pod, "deadline 1")), "deadline");
    assert.equal(await eventOf(collector(pod, "limit 1", `deadline ${Date.now() + 60_000}`)), "limit");
  });

  it("tells that a log should be taken away, once the file that was named is there", async (t) => {
    const pod = new Pod(t);
    const running = collector(pod, "container main", "container other", "spool other combined.20");
    await isAsleep(running);

    pod.write("var/run/argo/ctr/other/combined.10", "");
    pod.write("var/run/argo/ctr/other/combined.20", "");

    assert.equal(await eventOf(running), "spool");
  });

  it("tells that main failed while another member of its set runs", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "collector wait");
    const other = pod.emissary(sh("echo ready; sleep 60"), { container: "other" });
    await until("the other", () => other.stdout() === "ready\n");
    const running = collector(pod, "container main", "container other", "held main");
    await isAsleep(running);

    pod.emissary(sh("exit 4"));

    assert.equal(await eventOf(running), "failed");
  });

  it("tells of new progress, without waiting for the writer to close the file or for its folder", async (t) => {
    const pod = new Pod(t);
    const file = pod.path("new/folder/progress");
    const running = collector(pod, "container main", `watch ${file} 1 %`);
    await until("the folder", () => existsSync(pod.path("new/folder")));

    const fd = openSync(file, "w");
    t.after(() => closeSync(fd));
    writeSync(fd, "garbage\n  2/10 \n\n");

    assert.equal(await eventOf(running), "file");
  });

  it("tells of progress once a tick at most", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("progress", "2/10");
    const began = performance.now();

    assert.equal(await eventOf(collector(pod, `watch ${file} 400 1/10`)), "file");

    assert.ok(performance.now() - began >= 400);
  });

  for (const [what, content] of [
    ["says what was seen", "1/2\n"],
    ["says nothing", "\n \n"],
    ["ends with a line of 200 kB", `${"x".repeat(200_000)}1/3`],
    ["says what no controller can read", "1/2/3"],
    ["counts beyond its end", "11/10"],
  ] as const) {
    it(`ignores a progress file that ${what}`, async (t) => {
      const pod = new Pod(t);
      const file = pod.write("progress", content);

      assert.equal(
        await eventOf(collector(pod, `limit ${Date.now() + 300}`, `watch ${file} 1 1/2`)),
        "limit",
      );
    });
  }

  it("neither hangs on a FIFO nor follows a link in the progress file's place", async (t) => {
    const pod = new Pod(t);
    const target = pod.write("elsewhere", "1/2");
    const link = pod.path("link");
    symlinkSync(target, link);
    spawnSync("mkfifo", [pod.path("fifo")]);

    for (const file of [link, pod.path("fifo")]) {
      assert.equal(await eventOf(collector(pod, `limit ${Date.now() + 300}`, `watch ${file} 1 %`)), "limit");
    }
  });

  it("does not believe an exit code that is none, nor one behind a link", async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.container("a"), { recursive: true });
    writeFileSync(pod.container("a", "exitcode"), "300");
    mkdirSync(pod.container("b"), { recursive: true });
    symlinkSync(pod.write("zero", "0"), pod.container("b", "exitcode"));
    mkdirSync(pod.path("far"));
    writeFileSync(pod.path("far/exitcode"), "0");
    symlinkSync(pod.path("far"), pod.container("c"));

    for (const name of ["a", "b", "c"]) {
      const limit = `limit ${Date.now() + 300}`;
      assert.equal(await eventOf(collector(pod, `container ${name}`, limit)), "limit", name);
    }
  });

  it("fails with 64 for what it cannot understand", async (t) => {
    const pod = new Pod(t);

    for (const directive of ["deadline soon", "moon 1", "container", "watch f 1"]) {
      const { code, stderr } = await collector(pod, directive).exited;
      assert.equal(code, 64);
      assert.match(stderr, /standby: cannot be understood: "/);
    }
  });

  it("stays below 1 MiB of resident memory", { skip: isSanitized }, async (t) => {
    const pod = new Pod(t);
    const running = collector(pod, "container main", `watch ${pod.path("progress")} 1 %`);
    await isAsleep(running);

    const resident = residentKiB(running.pid);
    running.kill("SIGTERM");

    t.diagnostic(`${resident} KiB`);
    assert.ok(resident <= 1024, `${resident} KiB`);
    await running.exited;
  });
});

describe("phases: signals", () => {
  it("keeps a SIGTERM that comes while Node starts until Node listens", async (t) => {
    const pod = new Pod(t);
    // Until it listens a TERM would end it without a word.
    const script = `while ! [ -e "${pod.path("go")}" ]; do sleep 0.01; done
trap 'echo caught; exit 7' TERM; say $'listening\\n'; while :; do sleep 0.05; done`;
    const running = pod.start(["init"], { program: install(pod, script), container: "init" });
    await until("Node", () => childrenOf(running.pid).length > 0);

    running.kill("SIGTERM");
    pod.write("go", "");

    const { code, stdout } = await running.exited;
    assert.deepEqual([code, stdout], [7, "caught\n"]);
  });

  it("keeps one that comes between Node's last look and the sleep", async (t) => {
    const pod = new Pod(t);
    // It has asked for its sleep and ignores signals, as a process that is ending does.
    const script = `[ -n "$ARGOEXEC_EVENT" ] && { echo "$ARGOEXEC_EVENT"; exit 0; }
trap '' TERM; say $'container main\\nsleep\\n'; touch "${pod.path("said")}"
while ! [ -e "${pod.path("go")}" ]; do sleep 0.01; done`;
    const running = pod.start(["wait"], { program: install(pod, script), container: "wait" });
    await until("the request", () => existsSync(pod.path("said")));

    running.kill("SIGTERM");
    pod.write("go", "");

    assert.equal(await eventOf(running), "signal");
  });

  it("does not repeat one that Node has obeyed", async (t) => {
    const pod = new Pod(t);
    const script = `case "$ARGOEXEC_EVENT" in
"") say $'container main\\nsleep\\n';;
signal) echo signal; say $'terminating\\nlimit '$(($(date +%s) * 1000 + 1000))$'\\nsleep\\n';;
*) echo "$ARGOEXEC_EVENT";;
esac`;
    const running = pod.start(["wait"], { program: install(pod, script), container: "wait" });
    await isAsleep(running);

    running.kill("SIGTERM");
    await until("the first", () => running.stdout() === "signal\n");
    running.kill("SIGTERM");

    assert.equal((await running.exited).stdout, "signal\nlimit\n");
  });

  it("loses none as the first process of a process namespace", {
    skip: hasProgram("unshare", "-Urpf", "true") ? false : "needs unshare",
  }, async (t) => {
    const pod = new Pod(t);
    const script = `[ -n "$ARGOEXEC_EVENT" ] && { echo "$ARGOEXEC_EVENT"; exit 0; }
say $'container main\\nsleep\\n'; touch "${pod.path("said")}"
while ! [ -e "${pod.path("go")}" ]; do sleep 0.01; done`;
    const installed = install(pod, script);
    const running = pod.start(["-Urpf", "--kill-child", installed, "wait"], {
      program: "unshare",
      container: "wait",
    });
    await until("the request", () => existsSync(pod.path("said")));

    for (const pid of childrenOf(running.pid)) process.kill(pid, "SIGTERM");
    pod.write("go", "");

    assert.equal(await eventOf(running), "signal");
  });

  it("ends with Node's own code, and with 128 and the signal that killed it", async (t) => {
    const pod = new Pod(t);

    assert.equal((await pod.start(["wait"], { program: install(pod, "exit 64") }).exited).code, 64);
    assert.equal((await pod.start(["wait"], { program: install(pod, "kill -9 $$") }).exited).code, 137);
  });
});

describe("phases: what is kept", () => {
  it("keeps the template as it was before the step, sealed, across phases", async (t) => {
    const pod = new Pod(t);
    pod.write("var/run/argo/template", '{"name":"true"}');
    const script = `cat /proc/self/fd/$ARGOEXEC_TEMPLATE_FD; echo
{ echo broken > /proc/self/fd/$ARGOEXEC_TEMPLATE_FD; } 2>/dev/null && echo written
[ -n "$ARGOEXEC_EVENT" ] || say $'container main\\nsleep\\n'`;
    const running = pod.start(["wait"], { program: install(pod, script), container: "wait" });
    await isAsleep(running);

    pod.write("var/run/argo/template", '{"name":"false"}');
    await pod.run(["true"]);

    assert.equal((await running.exited).stdout, '{"name":"true"}\n{"name":"true"}\n');
  });

  it("follows no link to the template, and hangs on no FIFO", async (t) => {
    const pod = new Pod(t);
    const secret = pod.write("secret", "token");
    symlinkSync(secret, pod.path("var/run/argo/template"));
    const linked = await pod.start(["wait"], { program: install(pod, "exit 0") }).exited;
    spawnSync("sh", ["-c", 'rm "$1"; mkfifo "$1"', "sh", pod.path("var/run/argo/template")]);
    const fifo = await pod.start(["wait"], { program: install(pod, "exit 0") }).exited;

    for (const { code, stderr } of [linked, fifo]) {
      assert.equal(code, 64);
      assert.match(stderr, /the template cannot be read/);
    }
  });

  it("follows the links that an offloaded template is mounted through", async (t) => {
    const pod = new Pod(t);
    pod.write("argo/config/..data/ARGO_TEMPLATE", "offloaded template");
    symlinkSync("..data/ARGO_TEMPLATE", pod.path("argo/config/ARGO_TEMPLATE"));

    const running = pod.start(["supervisor"], {
      program: install(pod, "cat /proc/self/fd/$ARGOEXEC_TEMPLATE_FD"),
      env: { ARGO_TEMPLATE: "offloaded" },
    });

    assert.equal((await running.exited).stdout, "offloaded template");
  });

  it("keeps a state of any length", async (t) => {
    const pod = new Pod(t);
    const script = `if [ -z "$ARGOEXEC_EVENT" ]; then
head -c 300000 /dev/zero > /proc/self/fd/$ARGOEXEC_STATE_FD; say $'limit 1\\nsleep\\n'
else wc -c < /proc/self/fd/$ARGOEXEC_STATE_FD; fi`;

    const { stdout } = await pod.start(["wait"], { program: install(pod, script) }).exited;

    assert.equal(stdout.trim(), "300000");
  });

  it("holds the container's lock in every phase, and Node does not", async (t) => {
    const pod = new Pod(t);
    const running = collector(pod, "container main");
    await isAsleep(running);
    const observer = new Pod(t);
    observer.write("var/run/argo/keep", "");
    const lock = pod.container("wait", "lock");
    const isFree = () => spawnSync("flock", ["-n", lock, "true"]).status === 0;

    assert.equal(isFree(), false);
    running.kill("SIGKILL");
    await until("the lock to be free", isFree);
  });

  it("takes away what would change our Node, whoever set it", async (t) => {
    const pod = new Pod(t);
    const foreign = [
      "NODE_OPTIONS",
      "NODE_EXTRA_CA_CERTS",
      "LD_PRELOAD",
      "UV_THREADPOOL_SIZE",
      "OPENSSL_CONF",
    ];
    const env = Object.fromEntries([...foreign, "KEPT"].map((name) => [name, ""]));

    for (const command of ["wait", "init", "expr"]) {
      const { stdout } = await pod.start([command], { program: install(pod, "env"), env }).exited;
      const names = stdout.split("\n").map((line) => line.split("=")[0]);
      assert.deepEqual(
        names.filter((name) => [...foreign, "KEPT"].includes(name ?? "")),
        ["KEPT"],
      );
    }
  });

  it("does not let Node outlive it", async (t) => {
    const pod = new Pod(t);
    const running = pod.start(["wait"], {
      program: install(pod, `echo $$ > "${pod.path("pid")}"; exec sleep 60`),
    });
    await until("Node", () => existsSync(pod.path("pid")) && pod.read(pod.path("pid")) !== "");

    running.kill("SIGKILL");

    const pid = Number(pod.read(pod.path("pid")));
    await until("the end of Node", () => !isAlive(pid));
  });
});

function childrenOf(pid: number): readonly number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  return stdout
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(Number);
}

function isAlive(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return /^[^ZX]/.test(stdout.trim());
}
