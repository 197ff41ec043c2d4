import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { init } from "../../src/init/index.ts";
import { makePod } from "../inputs/pod-folder.ts";

const never = new AbortController().signal;

/** What init places for plugins; none of these templates has any. */
const runtime = { node: process.execPath, libraries: "" };

describe("init", () => {
  it("leaves all that the pod's other containers need: program, template, plans, script, inputs", async (t) => {
    const { loader } = makePod(t);
    const { paths } = loader;
    const program = join(paths.root, "argoexec-of-the-image");
    writeFileSync(program, "\x7fELF…", { mode: 0o755 });
    const template = {
      script: { source: "print(1)" },
      inputs: { artifacts: [{ name: "src", path: "/tmp/src", raw: { data: "in" } }] },
    };
    const templateJson = JSON.stringify(template);

    await init({ template, templateJson, includesResult: true, program, ...runtime }, loader, never);

    assert.equal(readFileSync(paths.program, "utf8"), "\x7fELF…");
    assert.equal(statSync(paths.program).mode & 0o777, 0o555);
    assert.equal(readFileSync(paths.template, "utf8"), templateJson);
    assert.equal(readFileSync(paths.script, "utf8"), "print(1)");
    assert.equal(statSync(paths.script).mode & 0o777, 0o755);
    assert.equal(readFileSync(paths.input("src"), "utf8"), "in");
    assert.deepEqual(readFileSync(paths.plan("main"), "utf8").trimEnd().split("\n"), [
      "plan 1",
      "capture stdout 262145",
      "collector wait",
    ]);
  });

  it("removes what an earlier sandbox of the pod left, so that no stale exit code ends the wait", async (t) => {
    const { loader } = makePod(t);
    const { paths } = loader;
    mkdirSync(paths.container("main"), { recursive: true });
    writeFileSync(`${paths.container("main")}/exitcode`, "0");
    mkdirSync(paths.plans);
    writeFileSync(paths.plan("gone"), "plan 1\n");
    writeFileSync(paths.program, "a longer program of an older image");
    const program = join(paths.root, "new");
    writeFileSync(program, "new");

    await init(
      { template: { container: {} }, templateJson: "{}", includesResult: false, program, ...runtime },
      loader,
      never,
    );

    assert.ok(!existsSync(`${paths.container("main")}/exitcode`));
    assert.ok(!existsSync(paths.plan("gone")));
    assert.equal(readFileSync(paths.program, "utf8"), "new");
  });

  it("gives main a collector where outputs of its own file system are to be read, and no other", async (t) => {
    const { loader } = makePod(t);
    const program = join(loader.paths.root, "program");
    writeFileSync(program, "x");
    const run = async (template: object) => {
      await init({ template, templateJson: "{}", includesResult: false, program, ...runtime }, loader, never);
      return readFileSync(loader.paths.plan("main"), "utf8").includes("collector wait");
    };

    assert.ok(!(await run({ data: {} })));
    assert.ok(!(await run({ resource: { action: "get" } })));
    // Controllers of 3.5 and 3.6 leave the wait container out even then; main's log is on the shared volume.
    assert.ok(!(await run({ resource: { action: "get" }, archiveLocation: { archiveLogs: true } })));
    assert.ok(await run({ container: {} }));
  });

  it("ends with the error of an input, before main can start", async (t) => {
    const { loader } = makePod(t);
    const program = join(loader.paths.root, "program");
    writeFileSync(program, "x");
    const template = { container: {}, inputs: { artifacts: [{ name: "src", path: "/src" }] } };

    await assert.rejects(
      init({ template, templateJson: "{}", includesResult: false, program, ...runtime }, loader, never),
      /required artifact 'src' not supplied/,
    );
  });
});
