import { commitOf, readRows, table, writeSection } from "../report.ts";
import { workloads } from "./workloads.ts";

export interface Usage {
  /** When the container was last seen, in seconds since the epoch. */
  readonly last: number;
  readonly seconds: number;
  readonly cpu: number;
  readonly rssPeak: number;
  readonly peak: number;
}

export interface Measured {
  readonly seconds: number;
  readonly usage: Readonly<Record<string, Usage | undefined>>;
  /** What did not go as it should. */
  readonly failures: readonly string[];
}

export type Row = readonly string[];

export const containers = ["init", "wait", "main"] as const;
const uses = containers.map((name) => `${name}: s, CPU s, anonymous MiB, cgroup MiB`);
const heads = ["pod", "executor", "seconds", "of the reference's", ...uses, "measured"];

/** A row of ours, with the reference's in each cell behind it where it was measured. */
export function row(name: string, ours: Measured, reference?: Measured): Row {
  const both = (cell: (one: Measured) => string) =>
    reference === undefined ? cell(ours) : `${cell(ours)}<br>${cell(reference)}`;
  // What did not do the work has no speed.
  const isFair = reference !== undefined && [ours, reference].every(({ failures }) => failures.length === 0);
  const ratio = isFair ? (ours.seconds / reference.seconds).toFixed(2) : "";
  const use = (container: string) =>
    both(({ usage }) => {
      const one = usage[container];
      if (one === undefined) return "-";
      const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
      return `${one.seconds.toFixed(1)}, ${one.cpu.toFixed(2)}, ${mib(one.rssPeak)}, ${mib(one.peak)}`;
    });
  return [
    name,
    reference === undefined ? "ours" : "ours<br>reference",
    both(({ seconds, failures }) => [seconds.toFixed(2), ...failures].join("; ")),
    ratio,
    ...containers.map(use),
    `${new Date().toISOString().slice(0, 10)}, ${commitOf(".")}`,
  ];
}

export function rowsTable(rows: readonly Row[]): string {
  return table(heads, rows);
}

/** Replaces the rows of these pods, and keeps the others with what they were measured on. */
export function writeRows(measured: readonly Row[]): void {
  const page = "docs/performance.md";
  const names = measured.map(([name]) => name);
  const kept = readRows(page, "workloads").filter(
    ([name = ""]) => name !== heads[0] && !names.includes(name),
  );
  const order = [...workloads().map(({ name }) => name), "gc-10000 at 0 ms", "gc-10000 at 20 ms"];
  const rows = [...kept, ...measured].sort(([a = ""], [b = ""]) => order.indexOf(a) - order.indexOf(b));
  writeSection(page, "workloads", table(heads, rows));
}
