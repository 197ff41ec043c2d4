import { readFile, writeFile } from "node:fs/promises";
import type { Case } from "./case.ts";
import { auxiliary } from "./workload.ts";

/** What all runs of a case came to. */
export interface Tally {
  readonly one: Case;
  readonly runs: number;
  readonly secondsMax: number;
}

interface Row {
  readonly fault: string;
  readonly phase: string;
  readonly told: string;
  readonly layouts: string[];
  runs: number;
  secondsMax: number;
  boundSeconds: number;
}

const begin = "<!-- npm run test:chaos writes what follows -->";
const end = "<!-- up to here -->";

/** Replaces the part of a page between its two marks. */
export async function writeTable(file: string, tallies: readonly Tally[], heading: string): Promise<void> {
  const page = await readFile(file, "utf8");
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${file} has no place for the table`);
  await writeFile(file, `${before}${begin}\n\n${heading}\n\n${table(tallies)}\n${end}${after}`);
}

function table(tallies: readonly Tally[]): string {
  const rows: Row[] = [];
  for (const tally of tallies) add(rows, tally);
  const lines = rows.map(
    ({ fault, phase, layouts, runs, secondsMax, boundSeconds, told }) =>
      `| ${fault} | ${phase} | ${layouts.length > 1 ? "both" : layouts[0]} | ${runs} | ${secondsMax.toFixed(1)} (${boundSeconds}) | ${told} |`,
  );
  const head = [
    "| Fault | While | Layout | Pods | Pod ended after at most, s (bound) | What is left |",
    "|---|---|---|---|---|---|",
  ];
  return `${[...head, ...lines].join("\n")}\n`;
}

/** What both layouts have in common is one row. */
function add(rows: Row[], { one, runs, secondsMax }: Tally): void {
  const neutral = (text: string) =>
    text.replaceAll(auxiliary("legacy"), "wait").replaceAll("supervisor", "wait");
  const { fault, phase, told, layout, expected } = one;
  const known = rows.find(
    (row) =>
      neutral(row.fault) === neutral(fault) && row.phase === phase && neutral(row.told) === neutral(told),
  );
  if (!known) {
    rows.push({
      fault,
      phase,
      told,
      layouts: [layout],
      runs,
      secondsMax,
      boundSeconds: expected.withinSeconds,
    });
    return;
  }
  if (!known.layouts.includes(layout)) known.layouts.push(layout);
  known.runs += runs;
  known.secondsMax = Math.max(known.secondsMax, secondsMax);
  known.boundSeconds = Math.max(known.boundSeconds, expected.withinSeconds);
}
