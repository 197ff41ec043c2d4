import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { hasProgram, isSanitized, Pod, program, residentKiB, sh, until } from "./program.ts";

/** The segments of a container's log, the oldest first. */
function segmentsOf(folder: string): readonly { start: number; text: string }[] {
  const names = readdirSync(folder).filter((name) => name.startsWith("combined"));
  const segments = names.map((name) => ({
    start: Number(name.split(".")[1] ?? 0),
    text: readFileSync(join(folder, name), "latin1"),
  }));
  return segments.sort((a, b) => a.start - b.start);
}

/** What the files of a folder take up at one moment: it is looked at again when files came or went meanwhile. */
function bytesOnDisk(folder: string): number {
  if (!existsSync(folder)) return 0;
  for (;;) {
    const names = readdirSync(folder);
    const sizes = names.map(
      (name) => (statSync(join(folder, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512,
    );
    if (readdirSync(folder).join() === names.join()) return sizes.reduce((sum, size) => sum + size, 0);
  }
}

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

    const began = performance.now();
    const exit = await pod.run(sh("sleep 20 & echo out; exit 5"));

    assert.equal(exit.code, 5);
    assert.ok(performance.now() - began < 5000);
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

  it("R32: keeps the newest bytes of 50 MB within the limit, on disk at any moment", async (t) => {
    const pod = new Pod(t);
    const limit = 2 ** 20;
    pod.plan("main", `capture combined ${limit}`);
    // 5,600,000 lines of 9 bytes.
    const emissary = pod.emissary(sh('seq -f %08.0f 5600000; touch "$1"; sleep 60', pod.path("done")), {
      stdout: "ignore",
    });
    let onDiskMax = 0;
    await until(
      "the output",
      () => {
        onDiskMax = Math.max(onDiskMax, bytesOnDisk(pod.container("main")));
        return existsSync(pod.path("done"));
      },
      60_000,
    );
    const size = 5_600_000 * 9;
    const last = pod.container("main", `combined.${Math.floor(size / (limit / 8)) * (limit / 8)}`);
    await until("the last segment", () => existsSync(last) && statSync(last).size === size % (limit / 8));
    const resident = residentKiB(emissary.pid);
    emissary.kill("SIGTERM");
    await emissary.exited;
    const segments = segmentsOf(pod.container("main"));

    t.diagnostic(`resident ${resident} KiB, at most ${onDiskMax} bytes on disk`);
    assert.ok(isSanitized || resident <= 1536, `${resident} KiB`);
    assert.ok(onDiskMax <= limit + 65_536, `${onDiskMax} bytes on disk`);
    const kept = segments.map(({ text }) => text).join("");
    assert.equal((segments[0]?.start ?? 0) + kept.length, size);
    assert.ok(kept.length >= (limit / 8) * 7 && kept.length <= limit);
    assert.match(kept, /\n05599999\n05600000\n$/);
  });

  it("R32: shares the limit among all attempts of a command, and forgets what an earlier pod left", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture combined 8000", "attempts 5");

    const printAndFail = sh("seq -f %08.0f 1000; exit 1");
    await pod.run(printAndFail, { stdout: "ignore" });
    const first = segmentsOf(pod.container("main"));
    await pod.run(sh("echo again"), { stdout: "ignore" });

    assert.equal(first.at(-1)?.start, 44_000);
    assert.ok(first.length <= 8);
    assert.deepEqual(segmentsOf(pod.container("main")), [{ start: 0, text: "again\n" }]);
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
    const emissary = pod.emissary(sh('test -s "$1"/.exitcode.*', pod.container("main")));

    assert.equal((await emissary.exited).code, 0);
    assert.equal(pod.verdict(), "0");
  });
});
