import type { Case } from "../case.ts";
import { hold, holdNoMore, letGo, type Phase, reach } from "../phases.ts";
import type { Victim } from "../processes.ts";
import { type Expected, everything } from "../verdict.ts";
import { auxiliary, type Layout, layouts, openGate } from "../workload.ts";

const victims = ["first process", "child", "container"] as const;
/** The emissary stays 5 s for a collector that has died; the rest is a slow machine's. */
const withinSeconds = 60;

interface Kill {
  readonly container: string;
  readonly victim: Victim;
  readonly phase: Phase;
  readonly layout: Layout;
  readonly expected: Omit<Expected, "withinSeconds">;
  readonly told: string;
}

/** Every process of a pod, killed in every phase in which it lives. */
export const kills: readonly Case[] = layouts.flatMap((layout) =>
  [...killsBeforeMain(layout), ...killsOfMain(layout), ...killsOfAuxiliary(layout)].map((one) => toCase(one)),
);

function toCase({ container, victim, phase, layout, expected, told }: Kill): Case {
  const isShared = phase !== "loading inputs" && phase !== "emissary before the command";
  return {
    fault: `SIGKILL of ${nameOf(container, victim)}`,
    phase,
    layout,
    // What the layouts share is run in one of them; the whole container is killed where both processes live.
    isUsual: (isShared ? layout === "legacy" : true) && victim !== "container",
    expected: { ...expected, withinSeconds },
    told,
    prepare: (servers) => hold(servers, phase),
    strike: async (pod) => {
      await reach(pod, layout, phase);
      await pod.kill(container, victim);
    },
    release: async (pod) => {
      await (container === "main" ? letGo : holdNoMore)(pod, phase);
      const isGateClosed = phase === "announce" || phase === "standby" || phase === "loading inputs";
      if (isGateClosed && (await pod.isRunning("main"))) await openGate(pod);
    },
  };
}

function nameOf(container: string, victim: Victim): string {
  if (victim === "container") return `the whole container ${container} (OOM)`;
  if (container === "main") return victim === "child" ? "the step's command" : "main's emissary";
  return victim === "child" ? `Node in ${container}` : `${container}'s first process`;
}

function killsBeforeMain(layout: Layout): readonly Kill[] {
  if (layout === "legacy") {
    return victims.map((victim) => ({
      container: "init",
      victim,
      phase: "loading inputs",
      layout,
      expected: {
        codes: { init: 137 },
        saved: [],
        isCompleted: false,
        ...(victim === "child" ? { messages: { init: /^Node was killed by signal 9: .*memory limit/ } } : {}),
      },
      told:
        victim === "child"
          ? "the step never starts; the message of `init` names the memory limit"
          : "the step never starts; the kubelet shows `init` with exit code 137",
    }));
  }
  return (["first process", "container"] as const).map((victim) => ({
    container: "supervisor",
    victim,
    phase: "loading inputs",
    layout,
    expected: {
      codes: { supervisor: 137, main: 65 },
      saved: [],
      isCompleted: false,
      messages: { main: /^supervisor died before it was ready/ },
    },
    told: "the step never starts: main's emissary sees it within 2 s, and says so",
  }));
}

function killsOfMain(layout: Layout): readonly Kill[] {
  const aux = auxiliary(layout);
  const lost: readonly Kill[] = (["first process", "container"] as const).map((victim) => ({
    container: "main",
    victim,
    phase: "command",
    layout,
    expected: {
      codes: { main: 137, [aux]: 64, ...initOf(layout) },
      saved: ["out", "d", "main-logs"],
      hasParameter: true,
      isCompleted: true,
      messages: {
        // The kernel may take the command first: then main had ended before it was killed.
        [aux]: /^main was killed.*: artifact base failed to save|^artifact base failed to save: .*was killed/,
      },
    },
    told: "what lies on volumes, and the log, is saved; what was in main's own file system went with it, and is named",
  }));
  const command: Kill = {
    container: "main",
    victim: "child",
    phase: "command",
    layout,
    expected: {
      codes: { main: 137, [aux]: 0, ...initOf(layout) },
      saved: everything,
      hasParameter: true,
      isCompleted: true,
    },
    told: "everything that was made is saved; main ends with the command's 137",
  };
  const early: readonly Kill[] =
    layout === "legacy"
      ? []
      : (["first process", "container"] as const).map((victim) => ({
          container: "main",
          victim,
          phase: "emissary before the command",
          layout,
          expected: {
            codes: { main: 137, [aux]: 64 },
            saved: [],
            isCompleted: true,
            messages: { [aux]: /^main was killed/ },
          },
          told: "the step never ran; the supervisor says that main was killed",
        }));
  return [...lost, command, ...early];
}

function killsOfAuxiliary(layout: Layout): readonly Kill[] {
  const container = auxiliary(layout);
  const repeated = (["loading inputs", "announce", "collect", "upload", "report", "finalize"] as const)
    .filter((phase) => phase !== "loading inputs" || layout === "init-less")
    .map(
      (phase): Kill => ({
        container,
        victim: "child",
        phase,
        layout,
        expected: {
          codes: { main: 0, [container]: 0, ...initOf(layout) },
          saved: everything,
          hasParameter: true,
          isCompleted: true,
        },
        told: "Node is started again and repeats the phase: everything is saved and reported",
      }),
    );
  const untilReport = ["announce", "standby", "collect", "upload", "report"] as const;
  const codes = { main: 0, [container]: 137, ...initOf(layout) };
  const ended = [...untilReport, "finalize" as const].flatMap((phase) =>
    (["first process", "container"] as const).map(
      (victim): Kill => ({
        container,
        victim,
        phase,
        layout,
        expected:
          phase === "finalize"
            ? { codes, saved: everything, hasParameter: true, isCompleted: true }
            : { codes, saved: [], isCompleted: false },
        told:
          phase === "finalize"
            ? `everything is saved and reported, and the label releases the controller, whatever \`${container}\` ends with`
            : `nothing is reported, and no object is half: the controller sees \`${container}\` with exit code 137; main ends 5 s later`,
      }),
    ),
  );
  return [...repeated, ...ended];
}

function initOf(layout: Layout): Record<string, number> {
  return layout === "legacy" ? { init: 0 } : {};
}
