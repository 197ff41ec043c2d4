import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type Part, packParts } from "../../scripts/pack-parts.ts";

const libraries = resolve(import.meta.dirname, "../../dist/lib/argoexec");

/** What `init` of a pod without artifacts has loaded by its end. */
function loadedByInit(t: TestContext) {
  const root = mkdtempSync("/tmp/start-");
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "var/run/argo"), { recursive: true });
  const [hook, list] = [join(root, "hook.cjs"), join(root, "list.json")];
  writeFileSync(
    hook,
    `const parts = [];
     process.on("argoexec-part", ({ file, script }) => parts.push([file, script.cachedDataRejected]));
     process.on("exit", () => require("fs").writeFileSync(${JSON.stringify(list)},
       JSON.stringify({ parts, builtins: process.moduleLoadList })));`,
  );
  const flags = readFileSync(join(libraries, "node.flags"), "utf8").trim().split("\n");
  const node = join(libraries, "node");
  const { status, stderr } = spawnSync(
    node,
    [...flags, "--require", hook, join(libraries, "argoexec.cjs"), "init"],
    {
      encoding: "utf8",
      env: {
        PATH: process.env.PATH,
        ARGOEXEC_ROOT: root,
        ARGO_POD_NAME: "p",
        ARGO_DEADLINE: "0001-01-01T00:00:00Z",
        ARGO_TEMPLATE: JSON.stringify({ name: "t", container: {} }),
      },
    },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(readFileSync(list, "utf8")) as {
    /** File, and whether V8 has rejected its bytecode; null where there was none. */
    readonly parts: readonly (readonly [string, boolean | null])[];
    readonly builtins: readonly string[];
  };
}

describe("the start of a pod without artifacts", () => {
  it("reads one file of ours, whose kept bytecode V8 accepts", (t) => {
    assert.deepEqual(loadedByInit(t).parts, [["main.js", false]]);
  });

  it("loads nothing of Node's that speaks over a network, encrypts or compresses", (t) => {
    const { builtins } = loadedByInit(t);

    for (const name of ["net", "tls", "crypto", "stream", "zlib", "worker_threads", "child_process"]) {
      assert.ok(!builtins.includes(`NativeModule ${name}`), name);
    }
  });
});

describe("the end of a process", () => {
  it("cannot wait for a compiler that waits for a collection: there is no thread that compiles", () => {
    const flags = readFileSync(join(libraries, "node.flags"), "utf8").trim().split("\n");
    const ask = ["--allow-natives-syntax", "--print", "%IsConcurrentRecompilationSupported()"];
    const answer = (given: readonly string[]) =>
      spawnSync(join(libraries, "node"), [...given, ...ask], { encoding: "utf8" }).stdout.trim();

    // The baseline compiler's flag has no question of its own.
    assert.ok(flags.includes("--no-concurrent-sparkplug"));
    assert.equal(answer(flags), "false");
    assert.equal(answer([]), "true");
  });
});

describe("packing parts", () => {
  const run = (parts: readonly Part[]) => {
    const functions = new Function(`return ${packParts(parts).replace('"use strict";', "")}`)();
    const load = (name: string): Record<string, unknown> =>
      functions[name](load, async (later: string) => ({ later }), undefined, "/here");
    return load;
  };

  it("passes on what parts export, under the names by which they are imported", async () => {
    const load = run([
      { name: "./a.js", text: 'import{x as b,c}from"./b.js";import"./c.js";var d=b+c;export{d as sum};\n' },
      { name: "./b.js", text: "var a=1,c=2;export{a as x,c};\n/*! For licenses see LEGAL.txt */\n" },
      { name: "./c.js", text: 'var l=()=>import("./vendor/p.cjs");export{l as load};' },
    ]);

    assert.deepEqual(load("./a.js"), { sum: 3 });
    const later = load("./c.js").load as () => Promise<unknown>;
    assert.deepEqual(await later(), { later: "./vendor/p.cjs" });
  });

  for (const text of [
    'import*as a from"./b.js";a();',
    "export default 1;",
    "var a=1;export const b=a;",
    "import(`x`)",
  ]) {
    it(`refuses what it does not know: ${text}`, () => {
      assert.throws(() => packParts([{ name: "./a.js", text }]), /in a form/);
    });
  }
});
