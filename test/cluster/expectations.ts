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
  "init-less/artifact-file",
];

/** Recordings that are not run, and why. */
export const leftOut: Readonly<Record<string, string>> = {};

/** What the controller did to the pods of a recording besides creating them. */
export const stops: Readonly<Record<string, Stop>> = {
  stopped: { afterSeconds: 4, graceSeconds: 30 },
};

/** What differs on purpose from the stock executor: recording, then field, then why. */
export const differences: Readonly<Record<string, Readonly<Record<string, string>>>> = {};
