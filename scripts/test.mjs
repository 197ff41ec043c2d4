// Runs the tests of `npm test`: everything below test/ and languages/test/ but what
// needs services or a cluster, with Node's test runner.
// Arguments choose files: `npm test -- test/archive`. What a file's tests leave behind fails it (test/leaks.ts).
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const elsewhere = ["cluster", "services", "image", "fixtures"];
const chosen = process.argv.slice(2);
const files = (chosen.length > 0 ? chosen : areas()).flatMap(testFiles);
const { status } = spawnSync(
  process.execPath,
  ["--import", "./test/leaks.ts", "--test", "--test-timeout=180000", "--test-reporter=spec", ...files],
  { stdio: "inherit" },
);
process.exit(status ?? 1);

function areas() {
  const own = readdirSync("test").filter((name) => !elsewhere.includes(name));
  return ["languages/test", ...own.map((name) => join("test", name))];
}

function testFiles(path) {
  if (!statSync(path).isDirectory()) return path.endsWith(".test.ts") ? [path] : [];
  return readdirSync(path)
    .sort()
    .flatMap((name) => testFiles(join(path, name)));
}
