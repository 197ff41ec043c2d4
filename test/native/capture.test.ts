import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { describe, it } from "node:test";
import { hasProgram, isSanitized, Pod, program, residentKiB, sh, until } from "./program.ts";

describe("emissary: captured output", () => {
  it("copies both streams as the plan asks, and to its own", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture stdout 0", "capture combined 0");

    const exit = await pod.run(sh("echo out; echo err >&2"));

    assert.equal(exit.stdout, "out\n");
    assert.match(exit.stderr, /^err$/m);
    assert.equal(pod.read(pod.container("main", "stdout")), "out\n");
    assert.deepEqual(pod.read(pod.container("main", "combined")).split("\n").sort(), ["", "err", "out"]);
    assert.equal(statSync(pod.container("main", "combined")).mode & 0o777, 0o666);
  });

  it("captures nothing without being asked, and empty files for a silent command", async (t) => {
    const pod = new Pod(t);

    await pod.run(sh("echo out"));
    const unasked = existsSync(pod.container("main", "stdout"));
    pod.plan("main", "capture combined 0");
    await pod.run(["true"]);

    assert.equal(unasked, false);
    assert.equal(existsSync(pod.container("main", "stdout")), false);
    assert.equal(pod.read(pod.container("main", "combined")), "");
  });

  it("R3: ends with the command although a background child holds the streams", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture combined 0");

    const began = Date.now();
    const exit = await pod.run(sh("sleep 20 & echo out; exit 5"));

    assert.equal(exit.code, 5);
    assert.ok(Date.now() - began < 5000);
    assert.equal(pod.read(pod.container("main", "combined")), "out\n");
  });

  it("R3: keeps what descendants write within 100 ms", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture stdout 0");

    await pod.run(sh("(sleep 0.02; echo late) & echo out"));

    assert.equal(pod.read(pod.container("main", "stdout")), "out\nlate\n");
  });

  it("S2: copies 512 MiB at constant memory and gives old bytes back to the file system", async (t) => {
    const pod = new Pod(t);
    const size = (isSanitized ? 64 : 512) * 2 ** 20;
    pod.plan("main", "capture stdout 262144");
    const emissary = pod.emissary(
      sh(`head -c ${size} /dev/zero; echo end; touch "$1"; sleep 60`, pod.path("done")),
      {
        stdout: "ignore",
      },
    );
    await until("the output", () => existsSync(pod.path("done")), 60_000);
    const file = pod.container("main", "stdout");
    await until("the file", () => statSync(file).size === size + 4);

    const resident = residentKiB(emissary.pid);
    const { blocks } = statSync(file);
    emissary.kill("SIGTERM");
    await emissary.exited;

    t.diagnostic(`resident ${resident} KiB, ${blocks / 2} KiB on disk of ${size / 1024}`);
    assert.ok(isSanitized || resident <= 1536, `${resident} KiB`);
    assert.ok(blocks * 512 < 16 * 2 ** 20 || blocks * 512 >= size, `${blocks} blocks`);
    assert.equal(readFileSync(file).subarray(-4).toString(), "end\n");
  });

  it("delivers signals while nobody reads its own standard output", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture stdout 0");
    pod.emissary(["yes"], { stdout: "unread" });
    const file = pod.container("main", "stdout");
    await until("a full pipe", () => existsSync(file) && statSync(file).size > 65_536);

    pod.signalByFile("main", 9);

    await until("the verdict", () => existsSync(pod.container("main", "exitcode")), 20_000);
    assert.equal(pod.verdict(), "137");
  });
});

const scriptProgram = hasProgram("python3", "-c", "import pty");

describe("emissary: with a terminal", {
  skip: scriptProgram ? false : "needs python3 to make a terminal",
}, () => {
  const inTerminal = (pod: Pod, command: string[], input: string) =>
    spawnSync(
      "python3",
      [
        "-c",
        `
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.write(fd, ${JSON.stringify(input)}.encode())
out = b""
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data: break
    out += data
os.write(1, out)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`,
        program,
        "emissary",
        "--loglevel",
        "warn",
        "--",
        ...command,
      ],
      {
        encoding: "utf8",
        env: { PATH: process.env.PATH, ARGOEXEC_ROOT: pod.root, ARGO_CONTAINER_NAME: "main" },
      },
    );

  it("gives the command a terminal, passes input on and drains all output", (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture combined 0");

    const result = inTerminal(
      pod,
      sh('read line; test -t 0 && test -t 1 && echo "got $line"; seq 5000; exit 6'),
      "hello\n",
    );

    assert.equal(result.status, 6, result.stderr);
    assert.match(result.stdout, /got hello\r\n/);
    assert.match(result.stdout, /\n4999\r\n5000\r\n/);
    assert.match(pod.read(pod.container("main", "combined")), /\n5000\r\n$/);
  });
});

describe("emissary: full disk", () => {
  it("publishes the exit code from room that was taken at the start", async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.container("main"), { recursive: true });
    const emissary = pod.emissary(sh('test -s "$1"', pod.container("main", ".exitcode.new")));

    assert.equal((await emissary.exited).code, 0);
    assert.equal(pod.verdict(), "0");
  });
});
