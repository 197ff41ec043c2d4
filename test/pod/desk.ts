import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { TestContext } from "node:test";
import { buildPod, type DeskTemplate, podNames } from "../../desk/index.ts";
import { DeskPod, type OutputLine, type Pod } from "../../desk/kubelet/index.ts";
import type { ArtifactLocation } from "../../src/template/index.ts";
import {
  type Cleanup,
  location,
  type ServerOptions,
  type Servers,
  secrets,
  startServers,
  temporary,
  token,
} from "./servers.ts";
import { TestPod } from "./test-pod.ts";

export { bucket, getObject, location, putObject, startServers, storedKeys } from "./servers.ts";
export type { TestPod } from "./test-pod.ts";

/** Servers, and the installation that a pod is to use in place of the one that `npm test` has built. */
export type Surroundings = Servers & { readonly program?: string };

/** The installation under test: `npm test` builds it. */
export const program = resolve(import.meta.dirname, "../../dist/bin/argoexec");
export interface PodOptions extends ServerOptions {
  readonly isInitless?: boolean;
  /** Some step reads the result. */
  readonly readsResult?: boolean;
  readonly deadlineMs?: number;
  readonly gracePeriodSeconds?: number;
  readonly progressTick?: string;
  /** In the environment of init, wait and supervisor. */
  readonly executorEnv?: Readonly<Record<string, string>>;
  readonly servers?: Surroundings;
  /** The artifact repository; the object server of `servers`, if left out. */
  readonly repository?: ArtifactLocation;
  /** What else somebody does to the pod before it starts. */
  readonly changePod?: (pod: Pod) => Pod;
}

/** Starts a pod made of a template, as the controller makes it. */
export async function startPod(
  t: TestContext,
  template: DeskTemplate,
  options: PodOptions = {},
): Promise<TestPod> {
  const servers = options.servers ?? (await startServers(t, options));
  const named = { name: "step", ...template };
  const manifest = {
    template: named,
    workflow: { metadata: { name: "wf" }, spec: {} },
    isEntrypoint: true,
    readsResult: options.readsResult ?? false,
    secrets,
    configMaps: {},
  };
  const names = podNames(manifest);
  const repository = options.repository ?? { s3: location(servers.store) };
  const pod = buildPod({ manifest, template: named, names, repository, ...builderOptions(options) });
  const { changePod = (same: Pod) => same, executorEnv } = options;
  return runManifest(t, changePod(pod), servers, executorEnv);
}

function builderOptions({ isInitless, deadlineMs, gracePeriodSeconds, progressTick }: PodOptions) {
  return {
    ...(isInitless ? { isInitless } : {}),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(progressTick === undefined ? {} : { progressTick }),
  };
}

/** Starts any pod manifest. */
export async function runManifest(
  t: Cleanup,
  pod: Pod,
  servers: Surroundings,
  executorEnv: Readonly<Record<string, string>> = {},
): Promise<TestPod> {
  const lines: OutputLine[] = [];
  const desk = await DeskPod.prepare({
    pod,
    program: servers.program ?? program,
    temporary,
    baseEnv: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/" },
    executorArgs: ["--server", servers.api.url, "--token", token, "--namespace", "argo"],
    executorEnv,
    secrets,
    configMaps: {},
    onLine: (line) => lines.push(line),
  });
  t.after(async () => {
    await desk[Symbol.asyncDispose]();
    if (process.env.POD_LOGS) for (const line of lines) console.log(line.container, line.text);
  });
  return new TestPod(pod, desk, servers, lines);
}

/** A container template that runs a shell script. */
export function shell(script: string, rest: Partial<DeskTemplate> = {}): DeskTemplate {
  return {
    ...rest,
    container: { image: "busybox", command: ["sh", "-c"], args: [script], ...rest.container },
  };
}

/** Waits for a condition that no event tells of. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Resolves when a container's file is there. */
export async function untilFile(pod: TestPod, container: string, path: string): Promise<void> {
  await until(`${path} in ${container}`, () => existsSync(pod.path(container, path)));
}
