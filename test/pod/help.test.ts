import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { program } from "./desk.ts";

/** Runs the program with a private root, where it leaves its termination message. */
function argoexec(
  t: TestContext,
  ...args: string[]
): { code: number | null; stdout: string; stderr: string } {
  const root = mkdtempSync(join(tmpdir(), "argoexec-"));
  mkdirSync(join(root, "dev"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const env = { PATH: process.env.PATH, ARGOEXEC_ROOT: root };
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", env });
  return { code: status, stdout, stderr };
}

const byNode = ["init", "wait", "supervisor", "agent", "artifact", "run", "expr"];
const byStaticProgram = ["emissary", "artifact-plugin-sidecar", "kill", "version", "serve-files"];

describe("--help", { concurrency: 2 }, () => {
  for (const command of [...byNode, ...byStaticProgram]) {
    it(`of ${command} says how it is used and what for, and does nothing else`, (t) => {
      const { code, stdout, stderr } = argoexec(t, command, "--help");

      assert.equal(code, 0);
      assert.equal(stderr, "");
      assert.match(stdout, new RegExp(`^usage: argoexec ${command} `, "im"));
    });
  }

  it("without a command lists the commands, as does no command at all", (t) => {
    const asked = argoexec(t, "--loglevel", "debug", "--help");

    assert.equal(asked.code, 0);
    for (const command of [...byNode, "emissary", "kill"])
      assert.match(asked.stdout, new RegExp(`\\b${command}\\b`));
    assert.deepEqual(argoexec(t), asked);
    assert.deepEqual(argoexec(t, "help"), asked);
    assert.equal(argoexec(t, "help", "run").stdout, argoexec(t, "run", "-h").stdout);
    assert.equal(argoexec(t, "help", "expr").stdout, argoexec(t, "expr", "--help").stdout);
  });

  it("knows no command or topic by the names that every object has", (t) => {
    const unknown = argoexec(t, "constructor");

    assert.equal(unknown.code, 64);
    assert.match(unknown.stderr, /unknown command "constructor" for "argoexec"/);
    assert.deepEqual(argoexec(t, "help", "toString"), argoexec(t, "help"));
  });

  for (const command of ["run", "init"]) {
    it(`of ${command} lists flags that there are`, (t) => {
      const { stdout } = argoexec(t, command, "--help");
      const withValue = stdout.match(/--[a-z0-9-]+(?= [A-Z])/g) ?? [];

      const { code, stderr } = argoexec(t, command, ...withValue.map((flag) => `${flag}=info`), "--nope");

      assert.ok(withValue.length > 4);
      assert.equal(code, 64);
      assert.match(stderr, /^Error: unknown flag: --nope; --help lists those there are$/m);
    });
  }
});

describe("the command line", () => {
  it("may begin with global flags and their values", (t) => {
    const { code, stderr } = argoexec(t, "--loglevel", "debug", "-n", "argo", "run");

    assert.equal(code, 64);
    assert.match(stderr, /run takes one file/);
  });

  it("names the remedy for a command or a flag that does not exist", (t) => {
    assert.match(argoexec(t, "walk").stderr, /unknown command "walk" for "argoexec"; argoexec --help lists/);
    assert.match(argoexec(t, "emissary", "--nope", "--", "true").stderr, /argoexec emissary --help lists/);
  });

  it("evaluates an expression", (t) => {
    assert.deepEqual(argoexec(t, "expr", "1 + 1"), { code: 0, stdout: "2\n", stderr: "" });
  });
});

describe("switches", { concurrency: 2 }, () => {
  it("take a value, as Go's do", (t) => {
    const help = argoexec(
      t,
      "init",
      "--insecure-skip-tls-verify=true",
      "--disable-compression=F",
      "--help=true",
    );
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^usage: argoexec init /im);
  });

  it("refuse a value that is neither true nor false, naming the switch", (t) => {
    const wrong = argoexec(t, "init", "--insecure-skip-tls-verify=maybe");
    assert.equal(wrong.code, 64);
    assert.match(wrong.stderr, /--insecure-skip-tls-verify must be true or false, not "maybe"/);
  });
});
