import { readFile, writeFile } from "node:fs/promises";
import type { Case } from "./case.ts";
import type { Seen } from "./seen.ts";
import { auxiliary } from "./workload.ts";

const kubelets = ["desk", "cluster"] as const;
type Kubelet = (typeof kubelets)[number];

interface Row {
  readonly fault: string;
  readonly phase: string;
  readonly told: string;
  readonly layouts: string[];
  readonly seen: Record<Kubelet, Seen>;
  boundSeconds: number;
}

const begin = "<!-- npm run test:chaos writes what follows -->";
const end = "<!-- up to here -->";

/**
 * Replaces the part of a page between its two marks by what was seen in both kubelets, if every case that can be run on
 * this machine has run in the desk's.
 */
export async function writeTable(
  file: string,
  every: readonly Case[],
  seenIn: (kubelet: Kubelet) => ReadonlyMap<Case, Seen>,
): Promise<void> {
  const desk = seenIn("desk");
  const cluster = seenIn("cluster");
  if (!every.every((one) => one.skip !== undefined || desk.has(one))) return;
  const rows: Row[] = [];
  for (const one of every) {
    const seen = { desk: desk.get(one) ?? none, cluster: cluster.get(one) ?? none };
    if (seen.desk.runs > 0) add(rows, one, seen);
  }
  const sum = (kubelet: Kubelet) => rows.reduce((pods, { seen }) => pods + seen[kubelet].runs, 0);
  const heading = `${sum("desk")} pods in the desk's kubelet and ${sum("cluster")} in a real one, each with a fault: none outlived its bound, none lost what it says is kept.`;
  const page = await readFile(file, "utf8");
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${file} has no place for the table`);
  await writeFile(file, `${before}${begin}\n\n${heading}\n\n${table(rows)}\n${end}${after}`);
}

const none: Seen = { runs: 0, secondsMax: 0 };

function table(rows: readonly Row[]): string {
  const inKubelet = ({ runs, secondsMax }: Seen) => (runs === 0 ? "" : `${runs}: ${secondsMax.toFixed(1)}`);
  const lines = rows.map(
    ({ fault, phase, layouts, seen, boundSeconds, told }) =>
      `| ${fault} | ${phase} | ${layouts.length > 1 ? "both" : layouts[0]} | ${inKubelet(seen.desk)} | ${inKubelet(seen.cluster)} | ${boundSeconds} | ${told} |`,
  );
  const head = [
    "| Fault | While | Layout | Pods: ended after at most, s | In a real kubelet | Bound, s | What is left |",
    "|---|---|---|---|---|---|---|",
  ];
  return `${[...head, ...lines].join("\n")}\n`;
}

/** What both layouts have in common is one row. */
function add(rows: Row[], one: Case, seen: Row["seen"]): void {
  const neutral = (text: string) =>
    text.replaceAll(auxiliary("legacy"), "wait").replaceAll("supervisor", "wait");
  const { fault, phase, told, layout, expected } = one;
  const known = rows.find(
    (row) =>
      neutral(row.fault) === neutral(fault) && row.phase === phase && neutral(row.told) === neutral(told),
  );
  if (!known) {
    rows.push({ fault, phase, told, layouts: [layout], seen, boundSeconds: expected.withinSeconds });
    return;
  }
  if (!known.layouts.includes(layout)) known.layouts.push(layout);
  for (const kubelet of kubelets) {
    const { runs, secondsMax } = known.seen[kubelet];
    known.seen[kubelet] = {
      runs: runs + seen[kubelet].runs,
      secondsMax: Math.max(secondsMax, seen[kubelet].secondsMax),
    };
  }
  known.boundSeconds = Math.max(known.boundSeconds, expected.withinSeconds);
}
