import assert from "node:assert/strict";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { describe, it } from "node:test";
import { Pod, program, type Running, sh, until } from "./program.ts";

const env = { ARGO_WAIT_FOR_READY: "true" };

function mark(pod: Pod, text: string): void {
  const aside = pod.write("var/run/argo/status.tmp", text);
  renameSync(aside, pod.path("var/run/argo/status"));
}

async function waiting(pod: Pod, command: string[], cwd?: string): Promise<Running> {
  const emissary = pod.emissary(command, { env, ...(cwd === undefined ? {} : { cwd }) });
  await until("the emissary", () => existsSync(pod.container("main", "lock")));
  return emissary;
}

describe("init-less: waiting for the supervisor", () => {
  it("runs the command with the plan that is there once the marker says READY", async (t) => {
    const pod = new Pod(t);
    const emissary = await waiting(pod, sh("echo ran"));

    mark(pod, "RUNNING\n");
    pod.plan("main", "capture stdout 0");
    assert.equal(existsSync(pod.container("main", "exitcode")), false);
    mark(pod, "READY\n");

    assert.equal((await emissary.exited).stdout, "ran\n");
    assert.equal(pod.read(pod.container("main", "stdout")), "ran\n");
  });

  it("fails with 65 and the supervisor's reason when it says FAILED", async (t) => {
    const pod = new Pod(t);
    mark(pod, "FAILED\nfailed to load: no such key");

    const exit = await pod.run(sh("echo ran"), { env });

    assert.equal(exit.code, 65);
    assert.equal(exit.stdout, "");
    assert.equal(pod.verdict(), "65");
    assert.equal(pod.message(), "supervisor reported pre-main failure: failed to load: no such key");
  });

  it("fails with 65 when the heartbeat is older than 30 s", async (t) => {
    const pod = new Pod(t);
    mark(pod, "RUNNING\n");
    utimesSync(pod.path("var/run/argo/status"), Date.now() / 1000 - 40, Date.now() / 1000 - 40);

    const exit = await pod.run(["true"], { env });

    assert.equal(exit.code, 65);
    assert.equal(pod.message(), "supervisor presumed dead: no status update within 30s");
  });

  it("R1: fails with 65 as soon as a supervisor that was alive has died", async (t) => {
    const pod = new Pod(t);
    mark(pod, "RUNNING\n");
    mkdirSync(pod.path("opt/bin"), { recursive: true });
    copyFileSync(program, pod.path("opt/bin/argoexec"));
    chmodSync(pod.write("opt/lib/argoexec/node", "#!/bin/sh\necho up; exec sleep 600\n"), 0o755);
    const supervisor = pod.start(["supervisor"], {
      program: pod.path("opt/bin/argoexec"),
      container: "supervisor",
    });
    await until("the supervisor", () => supervisor.stdout() === "up\n");
    const emissary = await waiting(pod, ["true"]);

    supervisor.kill("SIGKILL");

    assert.equal((await emissary.exited).code, 65);
    assert.equal(pod.message(), "supervisor died before it was ready");
  });

  it("exits with 143 on SIGTERM", async (t) => {
    const pod = new Pod(t);
    const emissary = await waiting(pod, ["true"]);

    emissary.kill("SIGTERM");

    assert.equal((await emissary.exited).code, 143);
    assert.equal(pod.verdict(), "143");
  });
});

describe("init-less: placing input artifacts", () => {
  it("links inputs into place, over what the image has there", async (t) => {
    const pod = new Pod(t);
    pod.write("argo/inputs/artifacts/one", "1");
    pod.write("argo/inputs/artifacts/two/x", "2");
    pod.write("image/two/old/deep/file", "old");
    const [one, two] = [pod.path("image/new/dir/one"), pod.path("image/two")];
    pod.plan(
      "main",
      `input one ${one}`,
      `input two ${two}`,
      `input optional ${pod.path("image/none")}`,
      "input one %",
    );
    mark(pod, "READY\n");

    const exit = await pod.run(sh('cat "$1" "$2/x"', one, two), { env });

    assert.equal(exit.stdout, "12", exit.stderr);
    assert.equal(readlinkSync(two), pod.path("argo/inputs/artifacts/two"));
    assert.equal(lstatSync(pod.path("image/new/dir")).mode & 0o777, 0o755);
    assert.equal(existsSync(pod.path("image/none")), false);
  });

  for (const [what, path, mount] of [
    ["a volume", "work/file", "work"],
    ["a parent of a volume", "work", "work/volume"],
    ["a volume behind a link", "link/file", "work"],
  ] as const) {
    it(`refuses to replace ${what}`, async (t) => {
      const pod = new Pod(t);
      pod.write("argo/inputs/artifacts/src", "1");
      pod.write("work/file", "precious");
      pod.write("work/volume/x", "precious");
      symlinkSync(pod.path("work"), pod.path("link"));
      pod.plan("main", `input src ${pod.path(path)}`, `mount ${pod.path(mount)}`);
      mark(pod, "READY\n");

      const exit = await pod.run(sh("echo ran"), { env });

      assert.equal(exit.code, 65);
      assert.equal(exit.stdout, "");
      assert.equal(pod.verdict(), "65");
      assert.match(
        pod.message() ?? "",
        /^refusing to stage input artifact "src" at \S+: it resolves to \S+, which overlaps the volume mount /,
      );
      assert.equal(pod.read(pod.container("main", "staging-failed")), pod.message());
      assert.equal(pod.read(pod.path("work/file")), "precious");
    });
  }

  it("does not follow links out of a folder that it removes", async (t) => {
    const pod = new Pod(t);
    pod.write("argo/inputs/artifacts/src", "1");
    pod.write("elsewhere/file", "precious");
    mkdirSync(pod.path("target"));
    symlinkSync(pod.path("elsewhere"), pod.path("target/link"));
    pod.plan("main", `input src ${pod.path("target")}`);
    mark(pod, "READY\n");

    assert.equal((await pod.run(["true"], { env })).code, 0);

    assert.equal(pod.read(pod.path("elsewhere/file")), "precious");
  });

  it("says which folder could not be made and what helps", async (t) => {
    const pod = new Pod(t);
    pod.write("argo/inputs/artifacts/src", "1");
    pod.write("image/file", "x");
    pod.plan("main", `input src ${pod.path("image/file/dir/src")}`);
    mark(pod, "READY\n");

    const exit = await pod.run(["true"], { env });

    assert.equal(exit.code, 65);
    assert.match(
      pod.message() ?? "",
      /^failed to create parent directory for artifact "src" at .*: mkdir .*: not a directory; mount a volume/,
    );
  });

  it("enters the working directory again, whatever is there now", async (t) => {
    const pod = new Pod(t);
    pod.write("argo/inputs/artifacts/src/inside", "1");
    pod.write("work/old", "x");
    pod.plan("main", `input src ${pod.path("work")}`);
    mark(pod, "READY\n");

    const good = await pod.run(["ls"], { env, cwd: pod.path("work") });
    writeFileSync(pod.path("argo/inputs/artifacts/flat"), "file");
    mkdirSync(pod.path("work2"));
    pod.plan("main", `input flat ${pod.path("work2")}`);
    const bad = await pod.run(["ls"], { env, cwd: pod.path("work2") });

    assert.equal(good.stdout, "inside\n");
    assert.equal(bad.code, 65);
    assert.match(
      pod.message() ?? "",
      /^failed to re-enter working directory ".*work2" after staging input artifacts/,
    );
  });
});
