// Lets every fault strike in every phase of pods of both layouts and writes the table of docs/reliability.md:
// `npm run test:chaos [-- --runs N] [--go-on] [WORD…]`; words choose cases by their titles. FULL=1 adds the long outages
// and more chance. With --go-on cases that earlier runs have seen are not run again, so that it can be done in pieces; the
// table is written once every case has run.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Case, runCase } from "./case.ts";
import { allCases, titleOf } from "./cases.ts";
import { type Tally, writeTable } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "1" },
    jobs: { type: "string", default: "5" },
    "go-on": { type: "boolean", default: false },
  },
});
const isFull = process.env.FULL === "1";
const runs = Number(values.runs);
const every = allCases(isFull);
const chosen = every.filter((one) => positionals.every((word) => titleOf(one).includes(word)));
for (const one of chosen) if (one.skip) console.log(`left out: ${titleOf(one)}: ${one.skip}`);

const seenFile = "build/chaos.json";
const tallies = new Map<Case, Tally>(values["go-on"] ? earlier() : []);
const due = chosen.filter((one) => one.skip === undefined && !tallies.has(one));
let failures = 0;
const queue = Array.from({ length: runs }, () => due).flat();
await Promise.all(Array.from({ length: Number(values.jobs) }, () => work()));

const pods = [...tallies.values()].reduce((sum, tally) => sum + tally.runs, 0);
console.log(`\n${pods} pods in ${tallies.size} cases, ${failures} failed`);
if (failures === 0) keep();
if (failures === 0 && every.every((one) => one.skip !== undefined || tallies.has(one))) {
  const heading = `${pods} pods, each with a fault: none outlived its bound, none lost what it says is kept.`;
  const rows = every.flatMap((one) => tallies.get(one) ?? []);
  await writeTable("docs/reliability.md", rows, heading);
}
process.exit(failures > 0 ? 1 : 0);

async function work(): Promise<void> {
  for (let one = queue.shift(); one; one = queue.shift()) {
    try {
      const { outcome, breaches, log } = await runCase(one);
      const known = tallies.get(one);
      const secondsMax = Math.max(known?.secondsMax ?? 0, outcome.seconds);
      tallies.set(one, { one, runs: (known?.runs ?? 0) + 1, secondsMax });
      console.log(
        `${breaches.length > 0 ? "FAILED" : "ok"}  ${titleOf(one)} (${outcome.seconds.toFixed(1)} s)`,
      );
      for (const breach of breaches) console.log(`    ${breach}`);
      if (breaches.length > 0) console.log(log);
      failures += breaches.length > 0 ? 1 : 0;
    } catch (error) {
      failures += 1;
      console.log(`FAILED  ${titleOf(one)}:`, error);
    }
  }
}

interface Seen {
  readonly runs: number;
  readonly secondsMax: number;
}

/** By title and place, for chance makes several cases of one title. */
function keyOf(one: Case): string {
  const same = every.filter((other) => titleOf(other) === titleOf(one));
  return `${titleOf(one)} ${same.indexOf(one)}`;
}

function earlier(): [Case, Tally][] {
  let seen: Record<string, Seen> = {};
  try {
    seen = JSON.parse(readFileSync(seenFile, "utf8")) as Record<string, Seen>;
  } catch {
    // Nothing has run yet.
  }
  return every.flatMap((one) => {
    const found = seen[keyOf(one)];
    return found ? [[one, { one, ...found }] satisfies [Case, Tally]] : [];
  });
}

function keep(): void {
  const seen = [...tallies].map(([one, { runs: times, secondsMax }]) => [
    keyOf(one),
    { runs: times, secondsMax },
  ]);
  mkdirSync("build", { recursive: true });
  writeFileSync(seenFile, JSON.stringify(Object.fromEntries(seen)));
}
