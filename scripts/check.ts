// What has to pass before a change lands: `npm run check`, which is also all that .ci/run and the forge's CI do.
// Names choose steps: `npm run check -- types style imports citations`. Steps say themselves what they left out because
// the machine cannot offer it (services, a cluster). What is dear to build is kept in OUTRIDER_CACHE.
import { spawnSync } from "node:child_process";

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
const failed: string[] = [];
const chosen = steps.filter(({ name }) => names.length === 0 || names.includes(name));
for (const { name, command, env } of chosen) {
  console.log(`\n=== ${name}`);
  const startedMs = performance.now();
  const [program = "", ...args] = command;
  const { status } = spawnSync(program, args, { stdio: "inherit", env: { ...process.env, ...env } });
  if (status !== 0) failed.push(name);
  console.log(`=== ${name}: ${Math.round((performance.now() - startedMs) / 1000)} s`);
}
if (failed.length > 0) console.log(`\nfailed: ${failed.join(", ")}`);
console.log(`\n${chosen.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
