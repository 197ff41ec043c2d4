import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Case } from "./case.ts";
import { titleOf } from "./cases.ts";

/** What the runs of a case came to in one kubelet. */
export interface Seen {
  readonly runs: number;
  /** From the fault to the end of the pod, the longest. */
  readonly secondsMax: number;
}

const fileOf = (kubelet: string) => `build/chaos-${kubelet}.json`;

/** What earlier runs have kept of cases that there still are. */
export function readSeen(kubelet: string, every: readonly Case[]): Map<Case, Seen> {
  let kept: Record<string, Seen> = {};
  try {
    kept = JSON.parse(readFileSync(fileOf(kubelet), "utf8")) as Record<string, Seen>;
  } catch {
    // Nothing has run yet.
  }
  const found = every.map((one) => [one, kept[keyOf(one, every)]] as const);
  return new Map(found.filter((pair): pair is [Case, Seen] => pair[1] !== undefined));
}

export function keepSeen(kubelet: string, seen: ReadonlyMap<Case, Seen>, every: readonly Case[]): void {
  const entries = [...seen].map(([one, tally]) => [keyOf(one, every), tally]);
  mkdirSync("build", { recursive: true });
  writeFileSync(fileOf(kubelet), JSON.stringify(Object.fromEntries(entries)));
}

/** By title and place, for chance makes several cases of one title. */
function keyOf(one: Case, every: readonly Case[]): string {
  const same = every.filter((other) => titleOf(other) === titleOf(one));
  return `${titleOf(one)} ${same.indexOf(one)}`;
}
