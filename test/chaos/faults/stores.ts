import type { Case } from "../case.ts";
import { reach } from "../phases.ts";
import type { ChaosServers } from "../pod.ts";
import { type Expected, everything } from "../verdict.ts";
import { auxiliary, inputKey, type Layout, layouts, openGate } from "../workload.ts";

interface StoreFault {
  readonly fault: string;
  readonly expected?: (layout: Layout) => Expected;
  readonly told: string;
  readonly script: (servers: ChaosServers) => void;
}

const base = /base\.tgz$/;
const kept = "tried again: everything is saved and reported";

/** The store, while inputs are loaded: the pod waits before its step, or the step never starts. */
const whileLoading: readonly StoreFault[] = [
  {
    fault: "store resets the connection in the answer, twice",
    told: kept,
    script: ({ store }) =>
      store.addFault({ kind: "reset", afterBytes: 3, times: 2, match: { method: "GET", key: inputKey } }),
  },
  {
    fault: "store stalls for 3 s in the answer",
    told: kept,
    script: ({ store }) =>
      store.addFault({
        kind: "stall",
        ms: 3000,
        afterBytes: 3,
        times: 1,
        match: { method: "GET", key: inputKey },
      }),
  },
  {
    fault: "store truncates the answer, twice",
    told: kept,
    script: ({ store }) =>
      store.addFault({ kind: "truncate", afterBytes: 3, times: 2, match: { method: "GET", key: inputKey } }),
  },
  {
    fault: "store throttles: 503 SlowDown three times",
    told: kept,
    script: ({ store }) =>
      store.addFault({ kind: "status", status: 503, code: "SlowDown", times: 3, match: { key: inputKey } }),
  },
  {
    fault: "store answers 500, always",
    told: "after five tries the step does not start; the message names the artifact and the store's words",
    expected: notStarted(/artifact "?x"? failed to load: .*500/),
    script: ({ store }) => store.addFault({ kind: "status", status: 500, match: { key: inputKey } }),
  },
];

const whileSaving: readonly StoreFault[] = [
  {
    fault: "store resets the connection in the request, twice",
    told: kept,
    script: ({ store }) =>
      store.addFault({
        kind: "reset",
        of: "request",
        afterBytes: 20,
        times: 2,
        match: { method: "PUT", key: base },
      }),
  },
  {
    fault: "store stalls for 3 s before its answer",
    told: kept,
    script: ({ store }) =>
      store.addFault({ kind: "stall", ms: 3000, times: 1, match: { method: "PUT", key: base } }),
  },
  {
    fault: "store closes the connection without the whole answer, twice",
    told: kept,
    script: ({ store }) =>
      store.addFault({ kind: "reset", afterBytes: 0, times: 2, match: { method: "PUT", key: base } }),
  },
  {
    fault: "store throttles: 503 SlowDown three times",
    told: kept,
    script: ({ store }) =>
      store.addFault({ kind: "status", status: 503, code: "SlowDown", times: 3, match: { method: "PUT" } }),
  },
  {
    fault: "store takes 100 bytes a second",
    told: "slow, and whole: everything is saved and reported",
    script: ({ store }) =>
      store.addFault({ kind: "slow", bytesPerSecond: 100, match: { method: "PUT", key: base } }),
  },
  {
    fault: "store refuses one artifact with 500, always",
    told: "the other artifacts, the log and the parameter are saved and reported; the message names the one that is not",
    expected: (layout) => ({
      ...saved(layout),
      codes: { ...saved(layout).codes, [auxiliary(layout)]: 64 },
      saved: ["out", "d", "main-logs"],
      messages: { [auxiliary(layout)]: /artifact base failed to save: .*InternalError/ },
    }),
    script: ({ store }) => store.addFault({ kind: "status", status: 500, match: { key: base } }),
  },
  {
    fault: "clock of the node 20 minutes off",
    told: "nothing can be stored; the message says how far the clock is off; parameters are reported",
    expected: (layout) => ({
      ...saved(layout),
      codes: { ...saved(layout).codes, [auxiliary(layout)]: 64 },
      saved: [],
      messages: { [auxiliary(layout)]: /clock is 20 minutes behind the store/ },
    }),
    script: ({ store }) => {
      store.clockOffsetMs = 20 * 60_000;
    },
  },
];

export const storeFaults: readonly Case[] = layouts.flatMap((layout) => [
  ...whileLoading.map((fault) => loading(layout, fault)),
  ...whileSaving.map((fault) => saving(layout, fault)),
]);

function loading(layout: Layout, { fault, told, script, expected = saved }: StoreFault): Case {
  return {
    fault,
    phase: "loading inputs",
    layout,
    isUsual: layout === "init-less",
    expected: expected(layout),
    told,
    strike: async (pod) => {
      const first = ({ key }: { key: string | undefined }) => key === inputKey;
      await pod.servers.store.waitForRequest(first, AbortSignal.timeout(120_000));
    },
    prepare: script,
    release: async (pod) => {
      if (expected !== saved) return;
      await reach(pod, layout, "command");
      await openGate(pod);
    },
  };
}

function saving(layout: Layout, { fault, told, script, expected = saved }: StoreFault): Case {
  return {
    fault,
    phase: "upload",
    layout,
    isUsual: layout === "legacy",
    expected: expected(layout),
    told,
    strike: async (pod) => {
      await reach(pod, layout, "standby");
      script(pod.servers);
      await openGate(pod);
    },
  };
}

function saved(layout: Layout): Expected {
  return {
    codes: { main: 0, [auxiliary(layout)]: 0, ...(layout === "legacy" ? { init: 0 } : {}) },
    saved: everything,
    hasParameter: true,
    isCompleted: true,
    withinSeconds: 60,
  };
}

function notStarted(message: RegExp): (layout: Layout) => Expected {
  return (layout) =>
    layout === "legacy"
      ? { codes: { init: 64 }, saved: [], isCompleted: false, messages: { init: message }, withinSeconds: 60 }
      : {
          codes: { supervisor: 64, main: 65 },
          saved: [],
          isCompleted: true,
          messages: { supervisor: message, main: /supervisor reported pre-main failure/ },
          withinSeconds: 60,
        };
}
