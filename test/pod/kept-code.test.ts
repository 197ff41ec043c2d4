// The bytecode that is kept when the program is built (scripts/keep-code.ts), in whole pods of the installation under test.
import assert from "node:assert/strict";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { program as built, shell, startPod, startServers } from "./desk.ts";
import { startInstallation } from "./listing-installation.ts";

interface Process {
  readonly role: string;
  readonly parts: readonly {
    readonly file: string;
    /** Whether V8 refused what was kept; absent where nothing was. */
    readonly rejected?: boolean;
    /** Bytes of bytecode when the process ended, beside those that were kept. */
    readonly bytes: number;
    readonly keptBytes: number;
  }[];
  readonly builtins: readonly string[];
}

/** The installation under test, each Node of which writes down at its end what it has compiled and loaded. */
function tellingInstallation(t: TestContext) {
  const { prefix, program, lib } = startInstallation(t);
  const libraries = join(dirname(dirname(built)), "lib/argoexec");
  for (const file of ["node", "argoexec.cjs", "main.js", "parts.json", "parts", "vendor", "code"]) {
    symlinkSync(join(libraries, file), join(lib, file));
  }
  const [hook, list] = [join(prefix, "hook.cjs"), join(prefix, "list")];
  const flags = readFileSync(join(libraries, "node.flags"), "utf8");
  writeFileSync(join(lib, "node.flags"), `${flags.trim()}\n--require=${hook}\n`);
  writeFileSync(list, "");
  writeFileSync(hook, hookText(join(libraries, "code"), list));
  const ended = (): readonly Process[] =>
    readFileSync(list, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return { program, ended };
}

function hookText(kept: string, list: string): string {
  return `
const { appendFileSync, statSync } = require("node:fs");
const builtins = () => process.moduleLoadList.filter((name) => name.startsWith("NativeModule "));
const parts = [];
process.on("argoexec-part", (part) => parts.push(part));
process.on("exit", () => {
  const loaded = builtins();
  const told = parts.map(({ file, code, script }) => ({
    file,
    rejected: script.cachedDataRejected,
    bytes: script.createCachedData().length,
    keptBytes: statSync(${JSON.stringify(kept)} + "/" + code, { throwIfNoEntry: false })?.size ?? 0,
  }));
  appendFileSync(${JSON.stringify(list)}, JSON.stringify({ role: process.argv[2], parts: told, builtins: loaded }) + "\\n");
});
`;
}

describe("a step that is over at once", { concurrency: 2 }, () => {
  for (const [layout, isInitless, role] of [
    ["with init containers", false, "wait"],
    ["without", true, "supervisor"],
  ] as const) {
    it(`finds the code that saves its log kept, and no zlib of Node's is loaded for it, ${layout}`, async (t) => {
      const { program, ended } = tellingInstallation(t);
      const servers = { ...(await startServers(t)), program };

      const pod = await startPod(t, shell("true"), { servers, isInitless });

      assert.equal((await pod.codes())[role], 0);
      const processes = ended();
      assert.ok(processes.length > 0);
      for (const { role: command, parts, builtins } of processes) {
        assert.equal(command, role);
        assert.ok(!builtins.includes("NativeModule zlib"), builtins.join());
        assert.ok(parts.some(({ file }) => file === "main.js"));
        for (const { file, rejected, bytes, keptBytes } of parts) {
          assert.equal(rejected, false, file);
          // What is left is what goes another way by chance, such as a request that is made once more.
          assert.ok(
            bytes < 1.03 * keptBytes,
            `${file}: ${bytes} bytes of bytecode, ${keptBytes} of them kept`,
          );
        }
      }
      // The log was saved, by code of the second file.
      assert.ok(processes.some(({ parts }) => parts.some(({ file }) => file === "parts/artifacts.js")));
    });
  }
});
