import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isSanitized, Pod, residentKiB, sh, until } from "./program.ts";

describe("emissary: exit codes", () => {
  it("exits with the command's code and publishes it", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.run(sh("echo hello; exit 3"));

    assert.equal(exit.code, 3);
    assert.equal(exit.stdout, "hello\n");
    assert.equal(pod.verdict(), "3");
    assert.match(exit.stderr, /Error: exit status 3\n/);
    assert.equal(pod.message(), undefined);
  });

  it("exits with 128 plus the number of the signal that killed the command", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.run(sh("kill -9 $$"));

    assert.equal(exit.code, 137);
    assert.equal(pod.verdict(), "137");
  });

  it("fails with 64 and says so when the command is not in PATH", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.run(["no-such-command"]);

    const text = 'failed to find name in PATH: exec: "no-such-command": executable file not found in $PATH';
    assert.equal(exit.code, 64);
    assert.equal(pod.verdict(), "64");
    assert.equal(pod.message(), text);
    assert.match(exit.stderr, /^Error: failed to find name in PATH/m);
  });

  it("R2: names a path that does not exist, or may not be executed", async (t) => {
    const pod = new Pod(t);
    const plain = pod.write("plain", "echo no");
    chmodSync(plain, 0o644);

    const missing = await pod.run(["/no/such"]);
    const message = pod.message();
    const forbidden = await pod.run([plain]);

    assert.equal(missing.code, 64);
    assert.match(message ?? "", /exec: "\/no\/such": stat \/no\/such: no such file or directory$/);
    assert.equal(forbidden.code, 64);
    assert.match(pod.message() ?? "", /permission denied$/);
  });

  it("reports a file that is no program as a failed start", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("data", "\0\0\0");
    chmodSync(file, 0o755);

    const exit = await pod.run([file]);

    assert.equal(exit.code, 64);
    assert.match(pod.message() ?? "", /^failed to start command: fork\/exec .*data: exec format error$/);
  });

  it("exits with 2 without a command, and publishes 64", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.start(["emissary"]).exited;

    assert.equal(exit.code, 2);
    assert.equal(pod.verdict(), "64");
  });

  it("refuses a plan with a directive it does not know", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "dance all-night");

    const exit = await pod.run(["true"]);

    assert.equal(exit.code, 64);
    assert.match(pod.message() ?? "", /line 2 .*"dance all-night"/);
  });

  it("runs nothing when the plan says that the template is not usable", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "fail duration%20is%20wrong");

    const exit = await pod.run(sh("echo ran"));

    assert.equal(exit.code, 64);
    assert.equal(exit.stdout, "");
    assert.equal(pod.message(), "duration is wrong");
  });
});

describe("emissary: command line and environment", () => {
  it("takes global flags on both sides of its name", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.start([
      "--loglevel",
      "warning",
      "emissary",
      "--log-format=json",
      "-n",
      "argo",
      "sh",
      "-c",
      "exit 4",
    ]).exited;

    assert.equal(exit.code, 4);
    assert.equal(exit.stderr, "Error: exit status 4\n");
  });

  it("refuses unknown flags with 64 and unknown levels with 1", async (t) => {
    const pod = new Pod(t);

    const flag = await pod.start(["emissary", "--nope", "--", "true"]).exited;
    const level = await pod.start(["emissary", "--loglevel", "loud", "--", "true"]).exited;

    assert.equal(flag.code, 64);
    assert.match(flag.stderr, /unknown flag: --nope/);
    assert.equal(level.code, 1);
  });

  it("writes one line at info level, marked argo=true, or JSON", async (t) => {
    const pod = new Pod(t);

    const text = await pod.run(["true"]);
    const json = await pod.start(["emissary", "--log-format", "json", "--", "true"]).exited;

    assert.match(text.stderr, /^time=\S+Z level=INFO msg="sub-process exited" argo=true code=0\n$/);
    const line = JSON.parse(json.stderr) as Record<string, unknown>;
    assert.equal(line.argo, true);
    assert.equal(line.msg, "sub-process exited");
  });

  it("gives the command a span of its own in the same trace", async (t) => {
    const pod = new Pod(t);
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const env = { TRACEPARENT: `00-${trace}-00f067aa0ba902b7-00`, TRACESTATE: "workflow=argo/x" };

    const known = await pod.run(sh("echo $TRACEPARENT $TRACESTATE"), { env });
    const fresh = await pod.run(sh("echo $TRACEPARENT"));

    assert.match(
      known.stdout,
      new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-00 workflow=argo/x\n$`),
    );
    assert.match(fresh.stdout, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01\n$/);
  });

  it("runs the command with umask 0, default signals and its own process group", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.run(
      sh(
        "umask; grep -E 'Sig(Blk|Ign)' /proc/self/status; ps -o pgid= -p $$ 2>/dev/null || echo $$; echo $$",
      ),
    );

    const lines = exit.stdout
      .trim()
      .split("\n")
      .map((line) => line.trim());
    assert.match(lines[0] ?? "", /^0+$/);
    assert.match(lines[1] ?? "", /^SigBlk:\s+0+$/);
    assert.match(lines[2] ?? "", /^SigIgn:\s+0+$/);
    assert.equal(lines[3], lines[4]);
  });

  it("works without a container name", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.run(["true"], { container: "" });

    assert.equal(exit.code, 0);
    assert.equal(pod.read(`${pod.shared}/ctr/exitcode`), "0");
  });
});

describe("emissary: arguments from a file", () => {
  const env = { ARGO_CONTAINER_ARGS_FILE: "/argo/config/ARGO_CONTAINER_ARGS_FILE" };

  it("appends the strings of the JSON array", async (t) => {
    const pod = new Pod(t);
    const more = ["two words", 'q"\\/\b\f\n\r\t', "ä€😀", ""];
    pod.write(
      "argo/config/ARGO_CONTAINER_ARGS_FILE",
      ` ${JSON.stringify(more).replace("😀", "\\ud83d\\uDE00")}\n`,
    );

    const exit = await pod.run(sh('for a; do printf "%s|" "$a"; done', "own"), { env });

    assert.equal(exit.stdout, ["own", ...more, ""].join("|"));
  });

  it("R33: moves arguments that the kernel would refuse into files", async (t) => {
    const pod = new Pod(t);
    const fits = "a".repeat(131_071);
    const long = "b".repeat(131_072);
    pod.write("argo/config/ARGO_CONTAINER_ARGS_FILE", JSON.stringify([fits, long]));

    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's placeholders
    const exit = await pod.run(sh('echo ${#1} "$2"; wc -c < "${2#@}"'), { env });

    const file = pod.path("tmp/argo_arg_4.txt");
    assert.equal(exit.stdout.replaceAll(/ +/g, " "), `131071 @${file}\n131072\n`);
    assert.equal(pod.read(file), long);
  });

  it("R33: uses the shared volume where /tmp cannot be written", async (t) => {
    const pod = new Pod(t);
    pod.write("argo/config/ARGO_CONTAINER_ARGS_FILE", JSON.stringify(["c".repeat(140_000)]));
    // A folder of the file's name is refused to root as well.
    mkdirSync(pod.path("tmp/argo_arg_3.txt"));

    const exit = await pod.run(sh('echo "$1"'), { env });

    assert.equal(exit.stdout, `@${pod.container("main", "argo_arg_3.txt")}\n`);
  });

  for (const [text, why] of [
    ["{}", "expected ["],
    ['["a",]', "expected a string"],
    ['["a" "b"]', "expected , or ]"],
    ['["\\x"]', "unknown escape"],
    ['["\\u0000"]', "NUL"],
    ['["a"', "expected , or ]"],
    ["[1]", "expected a string"],
    ['["a"] x', "more text"],
  ] as const) {
    it(`fails with 64 for ${text}`, async (t) => {
      const pod = new Pod(t);
      pod.write("argo/config/ARGO_CONTAINER_ARGS_FILE", text);

      const exit = await pod.run(["true"], { env });

      assert.equal(exit.code, 64);
      assert.ok(String(pod.message()).includes(why), String(pod.message()));
    });
  }

  it("fails with 64 when the file is missing", async (t) => {
    const pod = new Pod(t);

    const exit = await pod.run(["true"], { env });

    assert.equal(exit.code, 64);
    assert.match(pod.message() ?? "", /ARGO_CONTAINER_ARGS_FILE: no such file or directory/);
  });
});

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
    const began = Date.now();
    await until("no orphan", () => countChildren(emissary.pid) === 1);
    const elapsed = Date.now() - began;

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

describe("emissary: debug pauses", () => {
  it("waits for the marker files before and after the command", async (t) => {
    const pod = new Pod(t);
    const env = { ARGO_DEBUG_PAUSE_BEFORE: "true", ARGO_DEBUG_PAUSE_AFTER: "true" };
    const emissary = pod.emissary(sh("echo ran"), { env });
    await until("the folder", () => existsSync(pod.container("main")));

    assert.equal(emissary.stdout(), "");
    writeFileSync(pod.container("main", "before"), "");
    await until("the command", () => emissary.stdout() === "ran\n");
    assert.equal(existsSync(pod.container("main", "exitcode")), false);
    writeFileSync(pod.container("main", "after"), "");

    assert.equal((await emissary.exited).code, 0);
  });
});
