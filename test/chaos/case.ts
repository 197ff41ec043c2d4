import { type Servers, startServers } from "../pod/servers.ts";
import type { TestPod } from "../pod/test-pod.ts";
import { breaches, type Expected, type Outcome } from "./verdict.ts";
import { type Layout, startWorkload, storeInput, workload } from "./workload.ts";

/** One fault in one phase of a pod of one layout. */
export interface Case {
  /** What happens to whom, as the table shows it. */
  readonly fault: string;
  /** When: a phase of the pod's life. */
  readonly phase: string;
  readonly layout: Layout;
  /** In the short form, too, which every test run includes. */
  readonly isUsual: boolean;
  readonly expected: Expected;
  /** What the row says about outputs and message, in the words of a user. */
  readonly told: string;
  /** Folders of the node for the pod's volumes, by name; removed by the function that comes with them. */
  readonly folders?: () => Promise<{ readonly folders: Record<string, string>; remove(): Promise<void> }>;
  /** Before the pod starts. */
  readonly prepare?: (servers: Servers) => void | Promise<void>;
  /** Resolves when the fault has struck. */
  readonly strike: (pod: TestPod) => Promise<void>;
  /** After it, so that the pod can end. */
  readonly release?: (pod: TestPod) => Promise<void>;
  /** What else has to hold; returns what does not, as sentences. */
  readonly alsoHolds?: (pod: TestPod, outcome: Outcome) => Promise<string[]>;
  /** Why it cannot run on this machine; undefined: it can. */
  readonly skip?: string | undefined;
}

export interface Result {
  readonly outcome: Outcome;
  /** What is not as it has to be. */
  readonly breaches: readonly string[];
  /** What the pod's containers printed. */
  readonly log: string;
}

/** Longer than any bound: a pod that does not end by then never will. */
const patienceMs = 150_000;

/** Runs a pod with servers of its own, lets the fault strike, and judges what is left. */
export async function runCase(one: Case): Promise<Result> {
  const steps: (() => Promise<void>)[] = [];
  try {
    const volumes = await one.folders?.();
    if (volumes) steps.push(volumes.remove);
    const cleanup = { after: (step: () => Promise<void>) => void steps.push(step) };
    const servers = await startServers(cleanup);
    await storeInput(servers);
    await one.prepare?.(servers);
    const manifest = workload(one.layout, servers.store.endpoint, volumes?.folders);
    const pod = await startWorkload(cleanup, servers, manifest);
    await one.strike(pod);
    const struckMs = performance.now();
    await one.release?.(pod);
    await ended(pod, Math.max(patienceMs, one.expected.withinSeconds * 1500));
    const seconds = (performance.now() - struckMs) / 1000;
    const outcome = await outcomeOf(pod, seconds);
    const log = Object.keys(outcome.codes)
      .map((name) => `--- ${name}\n${pod.log(name)}`)
      .join("");
    const also = (await one.alsoHolds?.(pod, outcome)) ?? [];
    return { outcome, breaches: [...(await breaches(pod, outcome, one.expected)), ...also], log };
  } finally {
    for (const step of steps.reverse()) await step();
  }
}

async function ended(pod: TestPod, ms: number): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  const never = new Promise<never>((_, reject) => {
    late.signal.addEventListener("abort", () =>
      reject(new Error(`the pod has not ended after ${ms / 1000} s`)),
    );
  });
  try {
    await Promise.race([pod.ended, never]);
  } finally {
    clearTimeout(timer);
  }
}

async function outcomeOf(pod: TestPod, seconds: number): Promise<Outcome> {
  const codes = await pod.codes();
  const messages: Record<string, string> = {};
  for (const name of Object.keys(codes)) {
    const message = await pod.message(name);
    if (message !== "") messages[name] = message;
  }
  return {
    codes,
    messages,
    saved: pod.saved(),
    hasParameter: pod.parameters().out !== undefined,
    isCompleted: pod.isCompleted(),
    seconds,
  };
}
