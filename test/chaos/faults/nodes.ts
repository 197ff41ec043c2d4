import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { Case } from "../case.ts";
import { hold, letGo, type Phase, reach } from "../phases.ts";
import { type Expected, everything } from "../verdict.ts";
import { auxiliary, type Layout, layouts, newFolder, openGate } from "../workload.ts";

/** What happens to a node: it is drained, its disk is full. */
export function nodeFaults(): readonly Case[] {
  const skip = canMount() ? undefined : "a small file system needs root";
  return layouts.flatMap((layout) => [...drains(layout), ...fullDisks(layout, skip)]);
}

const drainGraceSeconds = 15;

/** The pod is deleted with 15 s of grace, as a drain does it, while the store or the API server is slow. */
function drains(layout: Layout): readonly Case[] {
  const all: Expected = {
    codes: { main: 143, [auxiliary(layout)]: 0, ...init(layout) },
    saved: everything,
    hasParameter: true,
    isCompleted: true,
    withinSeconds: 20,
  };
  const inPhase = (phase: Phase, isHeld: boolean, expected: Expected, told: string): Case => ({
    fault: `TERM with 15 s of grace${isHeld ? ", what it waits for does not answer" : ""}`,
    phase,
    layout,
    isUsual: layout === "legacy" || phase === "loading inputs",
    expected,
    told,
    prepare: (servers) => hold(servers, phase),
    strike: (pod) => reach(pod, layout, phase),
    release: async (pod) => {
      const deleted = pod.delete(drainGraceSeconds);
      if (!isHeld) await letGo(pod, phase);
      await deleted;
    },
  });
  const told = /told to end by SIGTERM/;
  const never: Expected =
    layout === "legacy"
      ? { codes: { init: 64 }, saved: [], isCompleted: false, messages: { init: told }, withinSeconds: 20 }
      : {
          codes: { supervisor: 64, main: [65, 143] },
          saved: [],
          isCompleted: true,
          messages: { supervisor: told },
          withinSeconds: 20,
        };
  const killed = (message: RegExp) => ({
    ...all,
    codes: { ...all.codes, main: [0, 137], [auxiliary(layout)]: 137 },
    isCompleted: false,
    messages: { [auxiliary(layout)]: message },
  });
  return [
    inPhase(
      "loading inputs",
      true,
      never,
      "the step does not start; the message says that it was told to end",
    ),
    inPhase(
      "command",
      false,
      all,
      "the step is ended; what it had made is saved and reported in the grace period",
    ),
    inPhase(
      "standby",
      false,
      all,
      "the step is ended; what it had made is saved and reported in the grace period",
    ),
    inPhase(
      "upload",
      true,
      {
        ...killed(/^told to end before these were saved: artifact base, the log$/),
        saved: ["out", "d"],
        hasParameter: true,
      },
      "killed after 15 s: what was complete is reported, the message names the rest, no object is half",
    ),
    inPhase(
      "report",
      true,
      { ...killed(/^told to end before the outputs were reported$/), saved: [], hasParameter: false },
      "killed after 15 s: everything is stored, nothing is reported, and the message says so",
    ),
  ];
}

function fullDisks(layout: Layout, skip: string | undefined): readonly Case[] {
  const aux = auxiliary(layout);
  const loads = layout === "legacy" ? "init" : "supervisor";
  return [
    {
      fault: "disk full: the volume that inputs are loaded to",
      phase: "loading inputs",
      layout,
      isUsual: layout === "legacy",
      skip,
      folders: () => fullVolume("work"),
      expected: {
        codes: layout === "legacy" ? { init: 64 } : { supervisor: 64, main: 65 },
        saved: [],
        isCompleted: layout !== "legacy",
        messages: { [loads]: /artifact "?x"? failed to load: .*no space left on device/ },
        withinSeconds: 60,
      },
      told: "the step does not start; the message names the artifact and says that no space is left",
      strike: async () => {},
    },
    {
      fault: "disk full: the executor's own volume",
      phase: "command",
      layout,
      isUsual: true,
      skip,
      folders: () => smallVolume("var-run-argo"),
      expected: {
        codes: { main: [0, 64], [aux]: [0, 64], ...init(layout) },
        saved: ["out", "d"],
        maySave: everything,
        hasParameter: true,
        isCompleted: true,
        withinSeconds: 60,
      },
      told: "outputs are saved and reported; of the log what fitted",
      strike: async (pod) => {
        await reach(pod, layout, "standby");
        fill(pod.onNode("/var/run/argo"));
        await openGate(pod);
      },
    },
  ];
}

function init(layout: Layout): Record<string, number> {
  return layout === "legacy" ? { init: 0 } : {};
}

function canMount(): boolean {
  const folder = newFolder();
  const mountable = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "chaos", folder]).status === 0;
  if (mountable) spawnSync("umount", [folder]);
  rmSync(folder, { recursive: true });
  return mountable;
}

/** A file system of 1 MiB in the place of a volume. */
async function smallVolume(name: string) {
  const path = newFolder();
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=777", "chaos", path], {
    encoding: "utf8",
  });
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
  return {
    folders: { [name]: path },
    remove: async () => {
      spawnSync("umount", ["-l", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

async function fullVolume(name: string) {
  const volume = await smallVolume(name);
  mkdirSync(`${volume.folders[name]}/in`);
  fill(volume.folders[name] ?? "");
  return volume;
}

/** Until nothing more fits. */
function fill(folder: string): void {
  const block = Buffer.alloc(4096, 1);
  try {
    for (let number = 0; ; number++)
      writeFileSync(`${folder}/filler`, block, { flag: number === 0 ? "w" : "a" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
