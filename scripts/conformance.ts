// Writes docs/artifacts/conformance.md from what the last runs of the driver suite left in build/conformance/.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Outcome = "holds" | "fails" | { readonly cannot: string };
interface Run {
  readonly store: string;
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

const folder = "build/conformance";
const runs = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Run)
  .sort((a, b) => (a.store < b.store ? -1 : 1));
const titles = [...new Set(runs.flatMap(({ outcomes }) => Object.keys(outcomes)))];
const reasons: string[] = [];

const cell = (outcome: Outcome | undefined): string => {
  if (outcome === undefined) return "";
  if (typeof outcome === "string") return outcome === "holds" ? "✓" : "**fails**";
  if (!reasons.includes(outcome.cannot)) reasons.push(outcome.cannot);
  return `(${reasons.indexOf(outcome.cannot) + 1})`;
};
const rows = titles.map(
  (title) =>
    `| ${title.replaceAll("|", "\\|").replaceAll("<", "&lt;")} | ${runs.map(({ outcomes }) => cell(outcomes[title])).join(" | ")} |`,
);
writeFileSync(
  "docs/artifacts/conformance.md",
  `# What every store does

Written by the test run (\`npm run test:services\`): each row is a test of \`test/drivers/\`, run against each server. A
number stands for the reason why a store cannot do it.

| | ${runs.map(({ store }) => store).join(" | ")} |
|---|${runs.map(() => "---|").join("")}
${rows.join("\n")}

${reasons.map((reason, index) => `${index + 1}. ${reason}`).join("\n")}
`,
);
console.log(`docs/artifacts/conformance.md: ${titles.length} tests on ${runs.length} servers`);
