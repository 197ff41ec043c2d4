import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { kept, type NodeState } from "./node-state.ts";
import type { Kind, Took } from "./pods.ts";

/** What one run of pods on one start of the node came to. */
export interface Row {
  readonly took: readonly (Took & { readonly kind: Kind })[];
  /** How many rows there were side by side. */
  readonly rows: number;
  readonly before: NodeState;
  readonly after: NodeState;
  /** Processes of the machine that wanted a processor, while it ran (loadavg over a minute, at its end). */
  readonly load: number;
}

/** What a run of pods in the desk's kubelet came to (test/chaos/in-a-row.test.ts). */
export interface DeskRow {
  readonly pods: number;
  readonly rows: number;
  /** Seconds of a pod. */
  readonly p50: number;
  readonly p99: number;
  /** What was left: always nothing, or the run has failed. */
  readonly descriptors: number;
  readonly memoryMiB: number;
}

const file = "build/in-a-row.json";
const deskFile = "build/in-a-row-desk.json";
const begin = "<!-- npm run test:cluster:row writes what follows -->";
const end = "<!-- up to here, in a row -->";

/** The rows that earlier runs have kept. */
export function earlierRows(): readonly Row[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as readonly Row[];
  } catch {
    // None has run yet.
    return [];
  }
}

export function keepRows(rows: readonly Row[]): void {
  mkdirSync("build", { recursive: true });
  writeFileSync(file, JSON.stringify(rows));
}

export function keepDeskRow(row: DeskRow): void {
  mkdirSync("build", { recursive: true });
  writeFileSync(deskFile, JSON.stringify(row));
}

/** Replaces the part of a page between its two marks by what was kept. */
export function writePage(path: string): void {
  const parts = [deskText(), text(earlierRows())].filter((part) => part !== "").join("\n");
  const page = readFileSync(path, "utf8");
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${path} has no place for the pods in a row`);
  writeFileSync(path, `${before}${begin}\n\n${parts}\n${end}${after}`);
}

function deskText(): string {
  let row: DeskRow;
  try {
    row = JSON.parse(readFileSync(deskFile, "utf8")) as DeskRow;
  } catch {
    // It has not run yet.
    return "";
  }
  return [
    `In the desk's kubelet: ${row.pods} pods, in ${row.rows} rows side by side. No file, process or socket was left of any; from init to`,
    `the end of the pod p50 ${row.p50.toFixed(2)} s, p99 ${row.p99.toFixed(2)} s. The process with kubelet, API server and store had ${row.descriptors} descriptors`,
    `and ${row.memoryMiB} MiB more at the end than at the start.`,
    "",
  ].join("\n");
}

function text(rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const took = rows.flatMap((row) => row.took);
  const ours = took.filter(({ kind }) => kind !== "without an executor").length;
  const loads = rows.map(({ load }) => load);
  const starts = rows.length === 1 ? "one start" : `${rows.length} starts`;
  const sideBySide = [...new Set(rows.map((row) => row.rows))].sort((a, b) => a - b);
  return [
    `On a single-node Kubernetes: ${ours} pods on ${starts} of a node with two processors; load at the ends: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.`,
    "",
    "| Pods | Rows side by side | Number | First container's start to last one's end, s: p50, p99 | After init: p50, p99 |",
    "|---|---|---|---|---|",
    ...sideBySide.flatMap((count) =>
      times(
        rows.filter((row) => row.rows === count),
        count,
      ),
    ),
    "",
    "| On the node | More at the end than at the start, at most |",
    "|---|---|",
    ...Object.entries(kept).map(([name, what]) => `| ${what} | ${most(rows, name as keyof NodeState)} |`),
    `| descriptors of kubelet and containerd | ${most(rows, "descriptors")} |`,
    `| memory of kubelet and containerd, MiB | ${most(rows, "memoryMiB")} |`,
    "",
  ].join("\n");
}

function times(rows: readonly Row[], sideBySide: number): readonly string[] {
  const took = rows.flatMap((row) => row.took);
  return (["legacy", "init-less", "without an executor"] as const).map((kind) => {
    const those = took.filter((one) => one.kind === kind);
    const whole = shares(those.map(({ wholeMs }) => wholeMs));
    const afterInit = shares(those.map(({ afterInitMs }) => afterInitMs));
    return `| ${kind} | ${sideBySide} | ${those.length} | ${whole} | ${afterInit} |`;
  });
}

function most(rows: readonly Row[], name: keyof NodeState): number {
  return Math.max(...rows.map(({ before, after }) => after[name] - before[name]));
}

function shares(ms: readonly number[]): string {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number) => ((sorted[Math.floor(sorted.length * share)] ?? 0) / 1000).toFixed(2);
  return `${at(0.5)}, ${at(0.99)}`;
}
