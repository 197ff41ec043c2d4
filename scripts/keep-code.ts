import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { startDeskServers } from "../desk/desk-servers.ts";
import { buildPod, type DeskTemplate, podNames } from "../desk/index.ts";
import { DeskPod } from "../desk/kubelet/index.ts";
import { runRoles } from "./keep-roles.ts";

/** Files of the bundle that run while code is kept. */
const bundleFiles = ["argoexec.cjs", "main.js", "parts.json", "parts", "vendor"];

/** Every pass takes some seconds; nearly always two are enough. */
const passesMax = 6;

/**
 * Lets V8 keep, in `LIBRARIES/code/ROLE/`, the bytecode of what each role and phase calls (scripts/start.cjs): runs whole
 * pods of both layouts, with input and output artifacts, and the other roles (scripts/keep-roles.ts), in a copy of the
 * installation that writes it down at the end of each process. V8 takes it only with the flags that it was made with, so these are the image's own.
 * @param program `PREFIX/bin/argoexec`
 * @param libraries `PREFIX/lib/argoexec`
 * @param isSameEachTime what a role calls depends a little on how its run went: of each file, the first that comes out
 *   twice is kept, so that another build of the same sources keeps the same
 */
export async function keepCode(program: string, libraries: string, isSameEachTime = false): Promise<void> {
  const code = resolve(libraries, "code");
  rmSync(code, { recursive: true, force: true });
  const folder = mkdtempSync(join(tmpdir(), "outrider-code-"));
  try {
    const kept = join(folder, "code");
    const choice = new Choice(kept, code);
    for (let pass = 1; pass === 1 || (isSameEachTime && pass <= passesMax && !choice.isMade); pass++) {
      rmSync(kept, { recursive: true, force: true });
      await runPass(program, libraries, kept);
      if (isSameEachTime) numberAnew(libraries, kept);
      for (const file of filesBelow(kept)) if (file.endsWith(".json")) rmSync(join(kept, file));
      choice.offer();
    }
    choice.end(isSameEachTime);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What comes out twice is chosen. */
class Choice {
  readonly #kept: string;
  readonly #code: string;
  /** By file and digest of what it held. */
  readonly #seen = new Set<string>();
  readonly #chosen = new Set<string>();
  #offered: readonly string[] = [];

  /**
   * @param kept where each pass leaves its files
   * @param code where what is chosen goes
   */
  constructor(kept: string, code: string) {
    this.#kept = kept;
    this.#code = code;
  }

  /** Whether every file of the last pass was chosen. */
  get isMade(): boolean {
    return this.#offered.every((file) => this.#chosen.has(file));
  }

  offer(): void {
    this.#offered = filesBelow(this.#kept);
    for (const file of this.#offered.filter((one) => !this.#chosen.has(one))) {
      const digest = createHash("sha256")
        .update(readFileSync(join(this.#kept, file)))
        .digest("hex");
      const seen = `${file} ${digest}`;
      if (this.#seen.has(seen)) this.#choose(file);
      this.#seen.add(seen);
    }
  }

  /** Takes what is there of files that never came out twice, and says so where they should have. */
  end(shouldBeSame: boolean): void {
    for (const file of this.#offered.filter((one) => !this.#chosen.has(one))) {
      if (shouldBeSame) console.warn(`${file}: its bytecode was another one each time`);
      this.#choose(file);
    }
  }

  #choose(file: string): void {
    const place = join(this.#code, file);
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
    copyFileSync(join(this.#kept, file), place);
    this.#chosen.add(file);
  }
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}

/** Runs every role once, each with what it needs around it, and leaves what each has called in `kept`. */
async function runPass(program: string, libraries: string, kept: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-code-"));
  try {
    const copy = copyInstallation(program, libraries, { folder, kept });
    for (const isInitless of [false, true]) {
      // Where main has ended before the collector has gone to sleep, nothing starts it again.
      const last = join(kept, isInitless ? "supervisor-again" : "wait-again");
      for (let seconds = 1; !existsSync(last); seconds *= 4) {
        if (seconds > 100) throw new Error(`${last} is not written: no phase ends well in ${folder}`);
        await runPod(copy, folder, isInitless, seconds);
      }
      // And steps that are over while their first phase lasts, which saves their outputs, too.
      for (const seconds of [0, 0.1]) await runPod(copy, folder, isInitless, seconds);
    }
    // Of the other roles each begins anew: what most of their templates do comes last, and is all that is kept.
    rmSync(join(folder, "lib/argoexec/code"));
    await using servers = await startDeskServers(folder, "argo", undefined);
    await runRoles(copy, folder, servers);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns the program of an installation whose Node is told to write down what it has compiled. */
function copyInstallation(
  program: string,
  libraries: string,
  { folder, kept }: { readonly folder: string; readonly kept: string },
): string {
  const [bin, lib] = [join(folder, "bin"), join(folder, "lib/argoexec")];
  for (const made of [bin, lib]) mkdirSync(made, { recursive: true });
  copyFileSync(program, join(bin, "argoexec"));
  for (const file of bundleFiles) cpSync(join(libraries, file), join(lib, file), { recursive: true });
  symlinkSync(realpathSync(join(libraries, "node")), join(lib, "node"));
  // What one process has kept, the next one of its role begins with, and adds to: a phase may go more than one way.
  symlinkSync(kept, join(lib, "code"));
  const hook = join(folder, "hook.cjs");
  writeFileSync(hook, hookText(kept));
  writeFileSync(join(lib, "node.flags"), [...flagsOf(libraries), seed, `--require=${hook}`, ""].join("\n"));
  return join(bin, "argoexec");
}

/** V8 draws a number at each start, by which it writes what it has compiled in another order; it does not say so in there. */
const seed = "--random-seed=1";

function flagsOf(libraries: string): readonly string[] {
  return readFileSync(join(libraries, "node.flags"), "utf8").trim().split("\n");
}

/** At its end a process knows all that it has called. */
function hookText(code: string): string {
  return `
const { mkdirSync, renameSync, writeFileSync } = require("node:fs");
const { dirname } = require("node:path");
const { setFlagsFromString } = require("node:v8");
// Collections of garbage would leave the age of each function in what is written, and the compilers that are called when a
// function has run for long enough would leave their marks.
const changed = ["flush-bytecode", "sparkplug", "maglev", "turbofan"];
const change = () => changed.forEach((name) => setFlagsFromString("--no-" + name));
const changeBack = () => changed.forEach((name) => setFlagsFromString("--" + name));
change();
// Kept code is taken, and written, with the flags that it is for.
const vm = require("node:vm");
vm.Script = class extends vm.Script {
  constructor(text, options) {
    changeBack();
    super(text, options);
    change();
  }
};
const parts = [];
// Some roles have flags of their own.
const own = process.execArgv.filter((flag) => !flag.startsWith("--require="));
process.on("argoexec-part", (part) => parts.push(part));
process.on("exit", (status) => {
  if (status !== 0) return;
  changeBack();
  for (const { code, name, text, v8Flags, script } of parts) {
    const path = ${JSON.stringify(code)} + "/" + code;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path + ".json", JSON.stringify({ name, text, flags: [...own, ...v8Flags] }));
    writeFileSync(path + ".new", script.createCachedData(), { mode: 0o644 });
    renameSync(path + ".new", path);
  }
});
`;
}

/**
 * V8 numbers functions in the order in which they are compiled, which is another one each time. What is read and written again,
 * in a process that calls nothing, has the order of the text.
 */
function numberAnew(libraries: string, kept: string): void {
  // A process each, for what one of them has read moves the numbers of the next.
  for (const source of filesBelow(kept).filter((file) => file.endsWith(".json"))) {
    const path = join(kept, source);
    const { flags } = JSON.parse(readFileSync(path, "utf8")) as { flags: readonly string[] };
    execFileSync(join(libraries, "node"), [...flags, "--eval", numberingText, path], { stdio: "inherit" });
  }
}

const numberingText = `
const { readFileSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");
const source = process.argv[1];
const path = source.slice(0, -".json".length);
const { name, text } = JSON.parse(readFileSync(source, "utf8"));
const script = new Script(text, { filename: name, cachedData: readFileSync(path) });
if (script.cachedDataRejected) throw new Error(path + " is not taken");
writeFileSync(path, script.createCachedData());
`;

/** @param seconds how long main runs: the collector is to sleep meanwhile, and to be started again */
async function runPod(program: string, folder: string, isInitless: boolean, seconds: number): Promise<void> {
  const template: DeskTemplate = {
    name: "step",
    container: { image: "any", command: ["sleep", `${seconds}`] },
    inputs: { artifacts: [{ name: "in", path: "/tmp/in", raw: { data: "text" } }] },
    outputs: { artifacts: [{ name: "out", path: "/tmp/in" }] },
  };
  const manifest = {
    template,
    workflow: { metadata: { name: "code" }, spec: {} },
    isEntrypoint: true,
    readsResult: true,
    secrets: {},
    configMaps: {},
  };
  const names = podNames(manifest);
  await using servers = await startDeskServers(folder, names.namespace, undefined);
  const { location, secrets } = servers.repository;
  const pod = buildPod({ manifest, template, names, repository: location, isInitless });
  const lines: string[] = [];
  await using desk = await DeskPod.prepare({
    pod,
    program,
    temporary: folder,
    baseEnv: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/" },
    executorArgs: servers.apiFlags,
    secrets,
    configMaps: {},
    onLine: (line) => lines.push(`${line.container}: ${line.text}`),
  });
  const { phase } = await desk.run();
  if (phase !== "Succeeded") throw new Error(`the pod whose code is to be kept failed:\n${lines.join("\n")}`);
}
