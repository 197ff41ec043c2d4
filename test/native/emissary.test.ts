import assert from "node:assert/strict";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Pod, program, sh, until } from "./program.ts";

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

  it("R2: names what the image's user may not read, and runs nothing", {
    skip: process.getuid?.() !== 0 && "only root can start a program as another user",
  }, async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "capture stdout 0");
    for (const folder of [pod.root, pod.shared, pod.path("dev")]) chmodSync(folder, 0o777);
    chmodSync(pod.path("var/run/argo/plan/main"), 0o600);
    const user = ["--reuid=65534", "--regid=65534", "--clear-groups"];

    const exit = await pod.start([...user, program, "emissary", "--", "echo", "ran"], {
      program: "setpriv",
      container: "main",
    }).exited;

    assert.equal(exit.code, 64);
    assert.equal(exit.stdout, "");
    assert.match(pod.message() ?? "", /plan\/main: permission denied/);
    assert.equal(pod.verdict(), "64");
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
