import { setTimeout as sleep } from "node:timers/promises";
import type { Stop } from "./stop-containers.ts";

/** The recordings that every run of the cluster tests includes; FULL=1 runs all. */
export const usual: readonly string[] = [
  "legacy/hello",
  "legacy/script-result",
  "legacy/parameters",
  "legacy/artifact-file",
  "legacy/artifact-dir-none",
  "legacy/output-optional-missing",
  "legacy/fail-exit-3",
  "legacy/sidecars",
  "legacy/container-set",
  "legacy/non-root",
  "legacy/read-only-root",
  "legacy/oom",
  "legacy/input-missing",
  "legacy/deadline",
  "legacy/artifact-gc-completion",
  "legacy/http",
  "legacy/resource-create-wait",
  "legacy/resource-failure",
  "legacy/data",
  "init-less/artifact-file",
  "init-less/data",
];

const plugin =
  "the image of the recorded plugin answers nothing; plugins.test.ts runs this pod with a plugin that does";

/** Recordings that are not run, and why. */
export const leftOut: Readonly<Record<string, string>> = {
  "plugin-artifact-in": plugin,
  "plugin-artifact-out": plugin,
};

/** What the controller did to the pods of a recording besides creating them. */
export const stops: Readonly<Record<string, Stop>> = {
  stopped: { until: () => sleep(4000), graceSeconds: 30 },
};

const namesThePath = "names the artifact or parameter and its path in main, not a staging file";
const savesWhatIsThere = {
  "container wait: exit code":
    "outputs of a main that ends within the grace period are saved (docs/contract/pod.md#defect-13)",
  "container wait: reason": "as the exit code",
  "container wait: message": "nothing is missing",
  "container supervisor: exit code":
    "outputs of a main that ends within the grace period are saved (docs/contract/pod.md#defect-13)",
  "container supervisor: reason": "as the exit code",
  "container supervisor: message": "nothing is missing",
  "task result: outputs": "the artifact that main had written is there",
};

/** What differs on purpose from the stock executor: recording, then field, then why. */
export const differences: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  deadline: savesWhatIsThere,
  stopped: savesWhatIsThere,
  "output-missing": {
    "container wait: message": namesThePath,
    "container supervisor: message": namesThePath,
  },
  "output-partial-failure": {
    "container wait: message": namesThePath,
    "container supervisor: message": namesThePath,
  },
  "parameter-missing": { "container wait: message": namesThePath },
  data: {
    "task result: states":
      "made before the listing, so that the controller waits for it (docs/contract/roles.md#D-12)",
  },
  "resource-watch": {
    "pod phase": "the recorded deadline is past: the second pod, a step of 6 s, runs into it at once",
    "container main: exit code": "as the pod's phase",
    "container main: reason": "as the pod's phase",
    "container wait: message": "as the pod's phase",
  },
  sidecars: {
    "pod phase": "the pod ends: a sidecar that ignores TERM is killed after the grace period",
    "container stubborn: exit code": "killed after the grace period",
    "container stubborn: reason": "killed after the grace period",
  },
  "init-less/read-only-root": {
    "container main: message": "says what to mount",
    "container supervisor: exit code":
      "main's message is shown, not what follows from it (docs/contract/pod.md#defect-41)",
    "container supervisor: reason": "as the exit code",
    "container supervisor: message": "as the exit code",
  },
  "artifact-gc-completion": {
    "container main: message": "no task result without a name is labelled (docs/contract/roles.md#4.2)",
  },
  "plugin-executor": {
    "pod phase": "looked at when main has ended; the controller deletes the pod then",
    "container demo-executor-plugin: exit code": "still runs when main has ended",
    "container demo-executor-plugin: reason": "still runs when main has ended",
  },
  progress: {
    "task result: progress":
      "the last progress is reported before the outputs (docs/contract/pod.md#defect-14)",
    "task result: states": "one state more, for the progress",
  },
};
