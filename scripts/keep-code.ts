import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startDeskServers } from "../desk/desk-servers.ts";
import { buildPod, type DeskTemplate, podNames } from "../desk/index.ts";
import { DeskPod } from "../desk/kubelet/index.ts";
import { runRoles } from "./keep-roles.ts";

/** Files of the bundle that run while code is kept. */
const bundleFiles = ["argoexec.cjs", "main.js", "parts.json", "parts", "vendor"];

/**
 * Lets V8 keep, in `LIBRARIES/code/ROLE/`, the bytecode of what each role and phase calls (scripts/start.cjs): runs whole
 * pods of both layouts, with input and output artifacts, and the other roles (scripts/keep-roles.ts), in a copy of the
 * installation that writes it down at the end of each process. V8 takes it only with the flags that it was made with, so these are the image's own.
 * @param program `PREFIX/bin/argoexec`
 * @param libraries `PREFIX/lib/argoexec`
 */
export async function keepCode(program: string, libraries: string): Promise<void> {
  const code = resolve(libraries, "code");
  rmSync(code, { recursive: true, force: true });
  const folder = mkdtempSync(join(tmpdir(), "outrider-code-"));
  try {
    const copy = copyInstallation(program, libraries, folder);
    for (const isInitless of [false, true]) {
      // Where main has ended before the collector has gone to sleep, nothing starts it again.
      const last = join(code, isInitless ? "supervisor-again" : "wait-again");
      for (let seconds = 1; !existsSync(last); seconds *= 4) {
        if (seconds > 100) throw new Error(`${last} is not written: no phase ends well in ${folder}`);
        await runPod(copy, folder, isInitless, seconds);
      }
    }
    await using servers = await startDeskServers(folder, "argo", undefined);
    await runRoles(copy, folder, servers);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns the program of an installation whose Node is told to write down what it has compiled. */
function copyInstallation(program: string, libraries: string, folder: string): string {
  const [bin, lib] = [join(folder, "bin"), join(folder, "lib/argoexec")];
  for (const made of [bin, lib]) mkdirSync(made, { recursive: true });
  copyFileSync(program, join(bin, "argoexec"));
  for (const file of bundleFiles) cpSync(join(libraries, file), join(lib, file), { recursive: true });
  symlinkSync(realpathSync(join(libraries, "node")), join(lib, "node"));
  const hook = join(folder, "hook.cjs");
  writeFileSync(hook, hookText(resolve(libraries, "code")));
  const flags = readFileSync(join(libraries, "node.flags"), "utf8");
  writeFileSync(join(lib, "node.flags"), `${flags}--require=${hook}\n`);
  return join(bin, "argoexec");
}

/** At its end a process knows all that it has called. */
function hookText(code: string): string {
  return `
const { mkdirSync, renameSync, writeFileSync } = require("node:fs");
const { dirname } = require("node:path");
const parts = [];
process.on("argoexec-part", (part) => parts.push(part));
process.on("exit", (status) => {
  if (status !== 0) return;
  for (const { code, script } of parts) {
    const path = ${JSON.stringify(code)} + "/" + code;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path + ".new", script.createCachedData(), { mode: 0o644 });
    renameSync(path + ".new", path);
  }
});
`;
}

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
