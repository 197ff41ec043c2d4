// Lets every fault strike in every phase of pods of both layouts and writes the table of docs/reliability.md:
// `npm run test:chaos [-- --runs N] [WORD…]`; words choose cases by their titles, and leave the table as it is. FULL=1
// adds the long outages and more chance.
import { parseArgs } from "node:util";
import { type Case, runCase } from "./case.ts";
import { allCases, titleOf } from "./cases.ts";
import { type Tally, writeTable } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "1" }, jobs: { type: "string", default: "5" } },
});
const isFull = process.env.FULL === "1";
const runs = Number(values.runs);
const chosen = allCases(isFull).filter((one) => positionals.every((word) => titleOf(one).includes(word)));
const due = chosen.filter(({ skip }) => skip === undefined);
for (const one of chosen) if (one.skip) console.log(`left out: ${titleOf(one)}: ${one.skip}`);

const tallies = new Map<Case, Tally>();
let failures = 0;
const queue = Array.from({ length: runs }, () => due).flat();
await Promise.all(Array.from({ length: Number(values.jobs) }, () => work()));

const pods = [...tallies.values()].reduce((sum, tally) => sum + tally.runs, 0);
console.log(`\n${pods} pods in ${tallies.size} cases, ${failures} failed`);
if (failures === 0 && positionals.length === 0) {
  const heading = `${pods} pods, each with a fault: none outlived its bound, none lost what it says is kept.`;
  await writeTable(
    "docs/reliability.md",
    chosen.flatMap((one) => tallies.get(one) ?? []),
    heading,
  );
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
