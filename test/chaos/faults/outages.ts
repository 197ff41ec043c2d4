import { setTimeout as sleep } from "node:timers/promises";
import { storedKeys } from "../../pod/servers.ts";
import type { Case } from "../case.ts";
import { reach } from "../phases.ts";
import type { ChaosPod } from "../pod.ts";
import { until } from "../until.ts";
import { type Expected, everything } from "../verdict.ts";
import { auxiliary, hasMade, type Layout, layouts, openGate } from "../workload.ts";

const taskResults = "workflowtaskresults";

/** The API server is away, or answers what it should not. */
export function outages(isFull: boolean): readonly Case[] {
  const awaySeconds = isFull ? [1, 30, 300] : [1, 30];
  return layouts.flatMap((layout) => [
    ...awaySeconds.flatMap((seconds) => [awayAtStart(layout, seconds), awayAtEnd(layout, seconds)]),
    ...[409, 410, 429, 500, 503].map((status) => refusedOnce(layout, status)),
    ...["create", "patch"].map((verb) => forbidden(layout, verb as "create" | "patch")),
    ...Array.from({ length: isFull ? 40 : 4 }, (_, seed) => atRandom(layout, seed)),
  ]);
}

function all(layout: Layout, withinSeconds = 60): Expected {
  return {
    codes: { main: 0, [auxiliary(layout)]: 0, ...(layout === "legacy" ? { init: 0 } : {}) },
    saved: everything,
    hasParameter: true,
    isCompleted: true,
    withinSeconds,
  };
}

function awayAtStart(layout: Layout, seconds: number): Case {
  return {
    fault: `API server away for ${seconds} s`,
    phase: "announce",
    layout,
    isUsual: seconds === 1,
    // A server that is away is asked again after 30 s of sleep, and reports are repeated every 30 s at most.
    expected: all(layout, seconds + 90),
    told: "everything is saved, and reported when the server is back",
    prepare: ({ api }) => api.pause(),
    strike: (pod) => reachWithoutServer(pod),
    release: (pod) => endAndResume(pod, seconds),
  };
}

async function reachWithoutServer(pod: ChaosPod): Promise<void> {
  await until("the step's outputs", () => hasMade(pod));
}

async function endAndResume(pod: ChaosPod, seconds: number): Promise<void> {
  await openGate(pod);
  await sleep(seconds * 1000);
  await pod.servers.api.resume();
}

function awayAtEnd(layout: Layout, seconds: number): Case {
  return {
    fault: `API server away for ${seconds} s`,
    phase: "report",
    layout,
    isUsual: layout === "legacy" ? seconds < 300 : seconds === 1,
    expected: all(layout, seconds + 60),
    told: "everything is saved, and reported when the server is back; main waits for that",
    strike: async (pod) => {
      await reach(pod, layout, "standby");
      await pod.servers.api.pause();
    },
    release: (pod) => endAndResume(pod, seconds),
  };
}

/** Each request is answered so once. */
function refusedOnce(layout: Layout, status: number): Case {
  const isUnexpected = status === 410;
  return {
    fault: `API server answers ${status} to the first create and the first two patches`,
    phase: "announce, report, finalize",
    layout,
    isUsual: layout === "legacy",
    expected: all(layout),
    told: "repeated: everything is saved and reported",
    prepare: ({ api }) => {
      const answer = { kind: "status", status, ...(status === 429 ? { retryAfterSeconds: 1 } : {}) } as const;
      api.addFault({ ...answer, times: 1, match: { verb: "create", resource: taskResults } });
      api.addFault({
        ...answer,
        times: isUnexpected ? 1 : 2,
        match: { verb: "patch", resource: taskResults },
      });
    },
    strike: (pod) => reachMade(pod),
    release: openGate,
  };
}

function forbidden(layout: Layout, verb: "create" | "patch"): Case {
  return {
    fault: `API server forbids (403) to ${verb} task results`,
    phase: "announce, report, finalize",
    layout,
    isUsual: true,
    expected: {
      ...all(layout),
      codes: { ...all(layout).codes, [auxiliary(layout)]: 64 },
      saved: [],
      hasParameter: false,
      isCompleted: false,
      messages: { [auxiliary(layout)]: /grant the pod's service account "create" and "patch"/ },
    },
    told: "the message names the grant that is missing; every object is stored; exit code 64 releases the controller",
    prepare: ({ api }) =>
      api.addFault({ kind: "status", status: 403, match: { verb, resource: taskResults } }),
    strike: (pod) => reachMade(pod),
    release: openGate,
  };
}

const statuses = [403, 409, 410, 429, 500, 503] as const;

/** Half of the first sixteen requests, chosen by a seed, are answered with one of the statuses. */
function atRandom(layout: Layout, seed: number): Case {
  const expected = all(layout);
  const auxiliaryName = auxiliary(layout);
  return {
    fault: "API server answers 403, 409, 410, 429, 500, 503 at random",
    phase: "announce, report, finalize",
    layout,
    isUsual: layout === "legacy" && seed < 2,
    // A refusal (403, 410) is final: what was refused decides what is missing, and the message says so.
    expected: {
      codes: { ...expected.codes, [auxiliaryName]: [0, 64] },
      saved: [],
      maySave: everything,
      withinSeconds: 90,
    },
    told: "all objects are stored; either everything is reported, or exit code 64 and the message name the refusal",
    prepare: ({ api }) => {
      const random = generator(seed + 1);
      for (let request = 0; request < 16; request++) {
        const status = statuses[Math.floor(random() * statuses.length)] ?? 500;
        if (random() < 0.5) api.addFault({ kind: "delay", ms: 0, times: 1 });
        else
          api.addFault({
            kind: "status",
            status,
            times: 1,
            ...(status === 429 ? { retryAfterSeconds: 1 } : {}),
          });
      }
    },
    strike: (pod) => reachMade(pod),
    release: openGate,
    alsoHolds: async (pod, { saved, messages, codes }) => {
      const found = await missingObjects(pod);
      if (codes[auxiliaryName] === 64 && !/by a scripted fault/.test(messages[auxiliaryName] ?? ""))
        found.push(`the message does not name the refusal: ${messages[auxiliaryName] ?? ""}`);
      if (codes[auxiliaryName] === 0 && saved.length !== everything.length)
        found.push("the auxiliary container ended well without having reported everything");
      return found;
    },
  };
}

async function missingObjects(pod: ChaosPod): Promise<string[]> {
  const names = (await storedKeys(pod.servers)).map((key) => key.split("/").at(-1) ?? "");
  return ["out.tgz", "d.tgz", "base.tgz", "main.log"]
    .filter((name) => !names.includes(name))
    .map((name) => `${name} is not stored`);
}

async function reachMade(pod: ChaosPod): Promise<void> {
  await reachWithoutServer(pod);
}

/** mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
