import {
  type ChaosEnd,
  type ChaosPod,
  type ChaosServers,
  isCompleted,
  outputsOf,
  type Stage,
} from "./pod.ts";
import { breaches, type Expected, type Outcome } from "./verdict.ts";
import { type Layout, storeInput } from "./workload.ts";

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
  readonly prepare?: (servers: ChaosServers) => void | Promise<void>;
  /** Resolves when the fault has struck. */
  readonly strike: (pod: ChaosPod) => Promise<void>;
  /** After it, so that the pod can end. */
  readonly release?: (pod: ChaosPod) => Promise<void>;
  /** What else has to hold; returns what does not, as sentences. */
  readonly alsoHolds?: (pod: ChaosPod, outcome: Outcome) => Promise<string[]>;
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

/** Runs a pod with servers of its own in a kubelet, lets the fault strike, and judges what is left. */
export async function runCase(one: Case, stage: Stage): Promise<Result> {
  const steps: (() => Promise<void>)[] = [];
  try {
    const volumes = await one.folders?.();
    if (volumes) steps.push(volumes.remove);
    const cleanup = { after: (step: () => Promise<void>) => void steps.push(step) };
    const { servers, startPod } = await stage.startServers(cleanup);
    await storeInput(servers);
    await one.prepare?.(servers);
    const pod = await startPod(one.layout, volumes?.folders ?? {});
    await one.strike(pod);
    const struckMs = performance.now();
    await one.release?.(pod);
    const end = await ended(pod, Math.max(patienceMs, one.expected.withinSeconds * 1500));
    const seconds = (performance.now() - struckMs) / 1000;
    const outcome = await outcomeOf(pod, end, seconds);
    const log = Object.keys(outcome.codes)
      .map((name) => `--- ${name}\n${pod.log(name)}`)
      .join("");
    const also = (await one.alsoHolds?.(pod, outcome)) ?? [];
    const withinSeconds = one.expected.withinSeconds + stage.slackSeconds;
    const found = await breaches(pod, outcome, { ...one.expected, withinSeconds });
    return { outcome, breaches: [...found, ...also], log };
  } finally {
    for (const step of steps.reverse()) await step();
  }
}

async function ended(pod: ChaosPod, ms: number): Promise<ChaosEnd> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  const never = new Promise<never>((_, reject) => {
    late.signal.addEventListener("abort", () =>
      reject(new Error(`the pod has not ended after ${ms / 1000} s`)),
    );
  });
  try {
    return await Promise.race([pod.ended, never]);
  } finally {
    clearTimeout(timer);
  }
}

async function outcomeOf(pod: ChaosPod, end: ChaosEnd, seconds: number): Promise<Outcome> {
  const { artifacts = [], parameters = [] } = await outputsOf(pod);
  return {
    ...end,
    saved: artifacts.map(({ name }) => name),
    hasParameter: parameters.some(({ name, value }) => name === "out" && value !== undefined),
    isCompleted: await isCompleted(pod),
    seconds,
  };
}
