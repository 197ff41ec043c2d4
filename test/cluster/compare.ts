import { isDeepStrictEqual } from "node:util";
import type { ContainerEnd, KubeObject, RecordedPod, Recording } from "./recorded-pod.ts";
import type { PodRun } from "./run-recording.ts";

/** One thing that is not as recorded. */
export interface Difference {
  /** Such as `container wait: exit code`, `task result: outputs`. */
  readonly what: string;
  readonly recorded: unknown;
  readonly ours: unknown;
}

/** Compares what the controller reads: phases, exit codes, termination messages, and the states of the task result. */
export function compare(recording: Recording, recorded: RecordedPod, run: PodRun): readonly Difference[] {
  const differences: Difference[] = [];
  const check = (what: string, expected: unknown, actual: unknown) => {
    if (!isDeepStrictEqual(expected, actual)) differences.push({ what, recorded: expected, ours: actual });
  };
  check("pod phase", recorded.observed.phase, run.phase);
  for (const [name, expected] of Object.entries(recorded.observed.containers)) {
    const actual: ContainerEnd = run.containers[name] ?? {};
    check(`container ${name}: exit code`, stateOf(expected), stateOf(actual));
    check(`container ${name}: reason`, expected.reason, actual.reason);
    check(`container ${name}: message`, expected.message ?? "", actual.message ?? "");
  }
  const nodeId = recorded.pod.metadata.annotations?.["workflows.argoproj.io/node-id"] ?? run.name;
  const expected = (recording.taskResults[nodeId] ?? []).map(readByController);
  const actual = run.taskResults.map(readByController);
  check("task result: outputs", expected.at(-1)?.outputs, actual.at(-1)?.outputs);
  check("task result: label", expected.at(-1)?.completed, actual.at(-1)?.completed);
  check("task result: progress", expected.at(-1)?.progress, actual.at(-1)?.progress);
  check("task result: metadata", expected[0]?.identity, actual[0]?.identity);
  // Outputs must be there when the label says so: the controller reads them once.
  check("task result: states", shape(expected), shape(actual));
  if (run.taskSetNodes) {
    for (const [id, expected] of Object.entries(lastReports(recording))) {
      check(`task ${id.split("-").at(-1)}`, expected, run.taskSetNodes[id]);
    }
  }
  for (const task of run.gcTasks) {
    check("GC task: status", recording.gcTasks?.[task.metadata.name]?.at(-1)?.status, task.status);
  }
  return differences;
}

/** The last report of each node; the controller takes reports out once it has read them. */
function lastReports(recording: Recording): Readonly<Record<string, unknown>> {
  const states = Object.values(recording.taskSets ?? {}).flat();
  return Object.assign(
    {},
    ...states.map(({ status }) => (status as { nodes?: object } | undefined)?.nodes ?? {}),
  );
}

function stateOf(end: ContainerEnd): unknown {
  if (end.exitCode !== undefined) return end.exitCode;
  return end.waiting ? "waiting" : end.running ? "running" : "absent";
}

function readByController(object: KubeObject) {
  const { labels = {}, name, ownerReferences = [] } = object.metadata;
  const { "workflows.argoproj.io/report-outputs-completed": completed, ...otherLabels } = labels;
  const owners = ownerReferences.map(({ kind, name: owner }) => `${kind}/${owner}`);
  return {
    identity: { name, labels: otherLabels, owners },
    outputs: object.outputs,
    progress: object.progress,
    completed,
  };
}

/**
 * The order of states without what they hold: label, whether outputs are there. The last outputs may come with the label, or
 * before it (docs/contract/pod.md#6.2).
 */
function shape(states: readonly ReturnType<typeof readByController>[]): readonly string[] {
  const all = states.map(
    ({ completed, outputs }) => `${completed}${outputs === undefined ? "" : " with outputs"}`,
  );
  const last = all.findLastIndex((state) => state !== "false with outputs");
  if (all[last] !== "true with outputs") return all;
  const before = all.slice(0, last).findLastIndex((state) => state !== "false with outputs");
  return [...all.slice(0, before + 1), ...all.slice(last)];
}
