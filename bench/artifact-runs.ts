/** One artifact up or down, in a process of its own like `wait` and `init` (bench/transfer-child.ts). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { requireBuiltins } from "../scripts/bundle.ts";

export interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of anonymous memory. */
  readonly peakMib?: number;
  /** CPU of main's emissary. */
  readonly mainCpuSeconds?: number;
}

/** Where the artifact goes. */
export interface Target {
  readonly endpoint: string;
  readonly ca?: string | undefined;
  readonly key: string;
  readonly strategy: "tar" | "none";
  /** Keep the bytecode of what this run calls for those after it, as the image has it. */
  readonly keepsCode?: boolean;
}

export class ArtifactRuns {
  readonly #root: string;
  readonly #flags: readonly string[];
  readonly #checkout: string;

  /**
   * @param root the pod's; `flags`: more of them for Node, such as --cpu-prof; `checkout`: the one whose build is run
   */
  private constructor(root: string, flags: readonly string[], checkout: string) {
    this.#root = root;
    this.#flags = flags;
    this.#checkout = checkout;
  }

  static async prepare(
    root: string,
    flags: readonly string[] = [],
    checkout = process.cwd(),
  ): Promise<ArtifactRuns> {
    mkdirSync(join(root, "var/run/argo/plan"), { recursive: true });
    const dist = join(resolve(checkout), "dist");
    if (!existsSync(join(dist, "bin/argoexec"))) throw new Error(`${checkout} is not built: npm run setup`);
    await build({
      absWorkingDir: resolve(checkout),
      entryPoints: ["bench/transfer-child.ts"],
      outfile: join(root, "child.cjs"),
      bundle: true,
      format: "cjs",
      platform: "node",
      target: "node26",
      supported: { "dynamic-import": false },
      define: { ARGOEXEC_ADDONS: JSON.stringify(join(dist, "lib/argoexec")) },
      logOverride: { "empty-import-meta": "silent" },
      external: ["@aws-sdk/*", "@smithy/*"],
      plugins: [requireBuiltins],
    });
    return new ArtifactRuns(root, flags, resolve(checkout));
  }

  /** The output stands in main's file system; its emissary serves it and is released at the end. */
  async save(path: string, target: Target): Promise<Figures> {
    const runtime = join(this.#root, "var/run/argo");
    rmSync(join(runtime, "ctr"), { recursive: true, force: true });
    mkdirSync(join(runtime, "ctr/main"), { recursive: true });
    writeFileSync(join(runtime, "plan/main"), `plan 1\ncollector wait\noutput ${path}\n`);
    const emissary = runTimed(`${this.#checkout}/dist/bin/argoexec emissary -- true`, {
      ARGOEXEC_ROOT: this.#root,
      ARGO_CONTAINER_NAME: "main",
    });
    while (!existsSync(join(runtime, "ctr/main/exitcode"))) await sleep(10);
    const figures = await this.#run("up", target, path);
    return { ...figures, mainCpuSeconds: (await emissary).cpuSeconds };
  }

  /**
   * What was loaded is removed, or set aside until all is: ext4 gives out the numbers of deleted inodes again only after
   * minutes, and looks at each of them for every file that is created until then.
   */
  async load(target: Target, { setsAside = false } = {}): Promise<Figures> {
    const figures = await this.#run("down", target, "/in");
    const loaded = join(this.#root, "argo");
    if (setsAside) renameSync(loaded, mkdtempSync(join(this.#root, "loaded-")));
    else rmSync(loaded, { recursive: true, force: true });
    return figures;
  }

  /** V8 takes code only with the flags that it was made with, so each kind of run has its own. */
  #starter(name: string, keepsCode: boolean): string {
    const file = join(this.#root, `${name}.cjs`);
    const code = join(this.#root, `${name}.code`);
    writeFileSync(file, starterText(join(this.#root, "child.cjs"), code, keepsCode));
    return file;
  }

  async #run(direction: string, target: Target, path: string): Promise<Figures> {
    const { endpoint, ca, key, strategy, keepsCode = false } = target;
    const own = readFileSync(join(this.#checkout, "dist/lib/argoexec/node.flags"), "utf8").trim().split("\n");
    // As native/dispatch.c has it, for a template with `archive: none`.
    if (strategy === "none" && hasLargestYoung(this.#checkout)) own.push("--max-semi-space-size=16");
    const args = [
      this.#starter(`${direction}-${strategy}`, keepsCode),
      direction,
      this.#root,
      endpoint,
      key,
      strategy,
      path,
      ca ?? "",
    ];
    const running = spawn(process.execPath, [...own, ...this.#flags, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [output, [status]] = await Promise.all([running.stdout.toArray(), once(running, "exit")]);
    if (status !== 0) throw new Error(`${args.slice(1).join(" ")} ended with ${status}`);
    // Lines of Node's own, such as those of --trace-gc, come before.
    return JSON.parse(Buffer.concat(output).toString().trim().split("\n").at(-1) ?? "") as Figures;
  }
}

/** A program like the image's scripts/start.cjs: it takes the bytecode that was kept, if any was. */
function starterText(child: string, code: string, keepsCode: boolean): string {
  return `
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { wrap } = require("node:module");
const { Script } = require("node:vm");
const [child, code] = ${JSON.stringify([child, code])};
const kept = existsSync(code) ? readFileSync(code) : undefined;
const script = new Script(wrap(readFileSync(child, "utf8")), { filename: child, cachedData: kept });
if (script.cachedDataRejected) throw new Error(code + " is not taken");
if (${keepsCode}) process.on("exit", () => writeFileSync(code, script.createCachedData()));
script.runInThisContext()(module.exports, require, module, child, __dirname);
`;
}

/** Runs a shell command with all its children. */
export async function runTimed(command: string, env: Readonly<Record<string, string>>): Promise<Figures> {
  const script = `set -o pipefail; TIMEFORMAT='%R %U %S'; time (${command})`;
  const running = spawn("bash", ["--norc", "-c", script], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const [output, [status]] = await Promise.all([running.stderr.toArray(), once(running, "exit")]);
  const text = Buffer.concat(output).toString().trim();
  if (status !== 0) throw new Error(text);
  const [seconds = 0, user = 0, system = 0] = (text.split("\n").at(-1) ?? "").split(" ").map(Number);
  return { seconds, cpuSeconds: user + system };
}

/** Another checkout may be from before that. */
function hasLargestYoung(checkout: string): boolean {
  return readFileSync(join(checkout, "native/dispatch.c"), "utf8").includes("wants_largest_young");
}
