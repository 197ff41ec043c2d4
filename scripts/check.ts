// What has to pass before a change lands: `npm run check`, which is also all that .ci/run and the forge's CI do.
// Names choose steps: `npm run check -- types style imports citations`. Steps say themselves what they left out because
// the machine cannot offer it (services, a cluster). What is dear to build is kept in OUTRIDER_CACHE. The end of what a
// failed step printed stands once more at the end of all, for logs that are cut to their last lines.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const node = process.execPath;
const steps: readonly Step[] = [
  { name: "packages", command: [node, "scripts/check-packages.ts"] },
  { name: "types", command: ["node_modules/.bin/tsc", "--noEmit"] },
  { name: "style", command: ["node_modules/.bin/biome", "ci", "."] },
  { name: "imports", command: [node, "scripts/check-imports.ts"] },
  { name: "citations", command: [node, "scripts/check-citations.ts"] },
  { name: "tests", command: ["npm", "test"] },
  {
    name: "sanitizers",
    command: [node, "scripts/test.mjs", "test/native"],
    env: { OUTRIDER_SANITIZE: "1" },
  },
  { name: "fuzzing", command: [node, "scripts/build-native.mjs", "--fuzz", "20"] },
  { name: "image", command: ["npm", "run", "-s", "test:image"] },
  { name: "services", command: [node, "test/services/main.ts"] },
  { name: "cluster", command: [node, "test/cluster/main.ts"] },
];

const names = process.argv.slice(2);
const unknown = names.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`no step ${unknown.join(", ")}; there are: ${steps.map(({ name }) => name).join(", ")}`);
  process.exit(64);
}
const repeatedLines = 60;
/** How long what a step left running may keep its output open. */
const leftoverPatienceMs = 5_000;
const failed = new Map<string, readonly string[]>();
const chosen = steps.filter(({ name }) => names.length === 0 || names.includes(name));
for (const step of chosen) {
  console.log(`\n=== ${step.name}`);
  const startedMs = performance.now();
  const { status, lastLines } = await run(step);
  if (status !== 0) failed.set(step.name, lastLines);
  console.log(`=== ${step.name}: ${Math.round((performance.now() - startedMs) / 1000)} s`);
}
for (const [name, lastLines] of failed) console.log(["", `=== ${name} failed:`, ...lastLines].join("\n"));
console.log(`\n${chosen.length - failed.size} passed, ${failed.size} failed`);
process.exit(failed.size > 0 ? 1 : 0);

/** Runs a step with its output passed on; its status (null: ended by a signal) and its last lines. */
async function run({ command, env }: Step): Promise<{ status: number | null; lastLines: readonly string[] }> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["inherit", "pipe", "pipe"], env: { ...process.env, ...env } });
  let lastLines: string[] = [];
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from.setEncoding("utf8").on("data", (text: string) => {
      to.write(text);
      const [rest = "", ...more] = text.split("\n");
      lastLines = [...lastLines.slice(0, -1), (lastLines.at(-1) ?? "") + rest, ...more].slice(-repeatedLines);
    });
  }
  const closed = once(child, "close");
  await once(child, "exit");
  await Promise.race([closed, setTimeout(leftoverPatienceMs)]);
  return { status: child.exitCode, lastLines };
}
