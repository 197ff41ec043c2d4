import { ExecutorError } from "../../errors/index.ts";
import { ageMs } from "../criteria/index.ts";
import type { WorkflowRecord } from "../workflows/index.ts";

/** How long artifacts of workflows are kept that are done. */
export interface Retention {
  /** Of each origin (cron workflow, template, `generateName`), the newest stay, whatever else is said; 0: no such rule. */
  readonly keepLast: number;
  /** By phase, in milliseconds after a workflow's end; a phase that is not named is kept for ever. */
  readonly keepForMs: ReadonlyMap<string, number>;
}

const phases = ["Succeeded", "Failed", "Error"];

/** Reads `PHASE=DURATION`, such as `Failed=720h` or `30d`; a duration alone is for every phase. */
export function readRetention(rules: readonly string[], keepLast: number): Retention {
  const keepForMs = new Map<string, number>();
  for (const rule of rules) {
    const [, phase, duration = ""] = /^(?:([A-Za-z]+)=)?(.+)$/.exec(rule) ?? [];
    if (phase !== undefined && !phases.includes(phase)) {
      throw new ExecutorError("BadRequest", `--retain takes one of ${phases.join(", ")}, not "${phase}"`);
    }
    const ms = ageMs(duration, "--retain");
    for (const name of phase === undefined ? phases : [phase]) keepForMs.set(name, ms);
  }
  return { keepLast, keepForMs };
}

/**
 * The workflows whose artifacts are not kept any more. One that runs, or of which nobody knows when it ended or what it
 * has, stays.
 */
export function expiredWorkflows(
  workflows: readonly WorkflowRecord[],
  { keepLast, keepForMs }: Retention,
  nowMs: number,
): ReadonlySet<WorkflowRecord> {
  const expired = new Set<WorkflowRecord>();
  for (const group of byOrigin(workflows).values()) {
    group.sort((a, b) => (b.finishedMs ?? 0) - (a.finishedMs ?? 0));
    const seen = new Set<string>();
    for (const workflow of group) {
      // A workflow that is live and archived is one.
      seen.add(workflow.uid);
      if (seen.size <= keepLast || !mayExpire(workflow)) continue;
      const keptMs = keepForMs.get(workflow.phase);
      // Where nothing but a number is said, it is the number that counts.
      const isOver = keepForMs.size === 0 || (keptMs !== undefined && endOf(workflow) + keptMs < nowMs);
      if (isOver) expired.add(workflow);
    }
  }
  return expired;
}

function mayExpire({ isRunning, unknownBecause, finishedMs, phase }: WorkflowRecord): boolean {
  return !isRunning && unknownBecause === undefined && finishedMs !== undefined && phases.includes(phase);
}

function endOf({ finishedMs = Number.POSITIVE_INFINITY }: WorkflowRecord): number {
  return finishedMs;
}

function byOrigin(workflows: readonly WorkflowRecord[]): ReadonlyMap<string, WorkflowRecord[]> {
  const groups = new Map<string, WorkflowRecord[]>();
  for (const workflow of workflows) {
    const name = `${workflow.namespace}/${workflow.origin}`;
    const group = groups.get(name);
    if (group) group.push(workflow);
    else groups.set(name, [workflow]);
  }
  return groups;
}
