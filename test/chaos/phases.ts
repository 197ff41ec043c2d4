import { existsSync } from "node:fs";
import { type ChaosPod, type ChaosServers, isCompleted } from "./pod.ts";
import { isWaiting, isWatching } from "./processes.ts";
import { until } from "./until.ts";
import { auxiliary, hasMade, inputKey, type Layout, openGate } from "./workload.ts";

/** The phases of a pod's life, in their order. */
export const phases = [
  "loading inputs",
  "emissary before the command",
  "command",
  "announce",
  "standby",
  "collect",
  "upload",
  "report",
  "finalize",
] as const;
export type Phase = (typeof phases)[number];

/** Longer than anything here takes: what is held stays held until it is let go. */
const heldMs = 3_600_000;
const taskResults = "workflowtaskresults";

/** Sees to it, before the pod starts, that it stays in a phase. */
export function hold({ api, store }: ChaosServers, phase: Phase): void {
  const patch = { verb: "patch", resource: taskResults } as const;
  switch (phase) {
    case "loading inputs":
    case "emissary before the command":
      store.addFault({ kind: "delay", ms: heldMs, match: { method: "GET", key: inputKey } });
      break;
    case "announce":
      api.addFault({ kind: "delay", ms: heldMs, match: { verb: "create", resource: taskResults } });
      break;
    case "upload":
      store.addFault({ kind: "delay", ms: heldMs, match: { method: "PUT", key: /base\.tgz$/ } });
      break;
    case "report":
      api.addFault({ kind: "delay", ms: heldMs, match: patch });
      break;
    case "finalize":
      // What it says is done, and it does not learn of it.
      api.addFault({ kind: "drop", afterWork: true, match: patch });
      break;
    default:
      break;
  }
}

/** Resolves when the pod is in the phase; the step has made its outputs from "command" on, and ended from "collect" on. */
export async function reach(pod: ChaosPod, layout: Layout, phase: Phase): Promise<void> {
  const { api, store } = pod.servers;
  const soon = AbortSignal.timeout(120_000);
  const patches = () => api.requests.filter(({ method }) => method === "PATCH").length;
  switch (phase) {
    case "loading inputs":
      await store.waitForRequest(({ key, method }) => key === inputKey && method === "GET", soon);
      if (layout === "init-less") await reach(pod, layout, "emissary before the command");
      return;
    case "emissary before the command":
      await until("main's emissary", () => existsSync(pod.onNode("/var/run/argo/ctr/main/lock")));
      // It looks at the supervisor's lock as soon as it watches.
      await until("its watch", async () => isWatching(await pod.firstProcess("main")));
      return;
    case "command":
      await until("the announcement", async () => (await pod.taskResult()) !== undefined);
      await until("the step's outputs", () => hasMade(pod));
      return;
    case "announce":
      await api.waitForRequest(({ method }) => method === "POST", soon);
      await until("the step's outputs", () => hasMade(pod));
      return;
    case "standby":
      await reach(pod, layout, "command");
      await until("the sleep", async () => (await pod.nodeOf(auxiliary(layout))) === undefined);
      return;
    case "collect":
      return reachCollect(pod, layout);
    case "upload":
      await endStep(pod, layout);
      await store.waitForRequest(({ key, method }) => method === "PUT" && /base\.tgz$/.test(key ?? ""), soon);
      return;
    case "report":
      await endStep(pod, layout);
      await until("the report", () => patches() === 1);
      return;
    case "finalize":
      await endStep(pod, layout);
      await until("the last word", () => isCompleted(pod));
  }
}

/** Lets go of what was held: a request that is still there goes on as if nothing had been. */
export async function letGo(pod: ChaosPod, phase: Phase): Promise<void> {
  pod.servers.api.letGo();
  pod.servers.store.letGo();
  await goOn(pod, phase);
}

/** Holds nothing any more, for those who come; the request of one that was killed went with it. */
export async function holdNoMore(pod: ChaosPod, phase: Phase): Promise<void> {
  pod.servers.api.clearFaults();
  pod.servers.store.clearFaults();
  await goOn(pod, phase);
}

async function goOn(pod: ChaosPod, phase: Phase): Promise<void> {
  if (phase === "collect" && (await pod.isRunning("main")))
    process.kill(await pod.firstProcess("main"), "SIGCONT");
}

/** Opens the gate while the auxiliary container sleeps, so that it has to notice by itself. */
export async function endStep(pod: ChaosPod, layout: Layout): Promise<void> {
  await reach(pod, layout, "standby");
  await openGate(pod);
}

/** Main's emissary is stopped before it can serve, so that whoever collects waits for it. */
async function reachCollect(pod: ChaosPod, layout: Layout): Promise<void> {
  await reach(pod, layout, "standby");
  // Looked for before, because the collector needs a moment only.
  const emissary = await pod.firstProcess("main");
  await openGate(pod);
  await until("the exit code", () => existsSync(pod.onNode("/var/run/argo/ctr/main/exitcode")));
  process.kill(emissary, "SIGSTOP");
  await until("the collector", async () => {
    const node = await pod.nodeOf(auxiliary(layout));
    return node !== undefined && isWaiting(node);
  });
}
