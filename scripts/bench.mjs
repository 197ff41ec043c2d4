// `npm run bench -- NAME [arguments]`: sets up what is not there and runs bench/NAME.ts with the project's own Node. Without
// a name it says which there are, and what each is for. Plain JavaScript, for any Node from 18 on.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const [name, ...args] = process.argv.slice(2);
const file = [`bench/${name}.ts`, `bench/${name}/main.ts`].find((path) => existsSync(path));
if (file === undefined) {
  if (name !== undefined) console.error(`there is no bench ${name}; there are:`);
  for (const [each, path] of benches()) console.log(`${each.padEnd(14)}${purpose(path)}`);
  process.exitCode = name === undefined ? 0 : 64;
} else {
  const run = (command, ...rest) => spawnSync(command, rest, { stdio: "inherit" }).status ?? 1;
  process.exitCode =
    run(process.execPath, "scripts/setup.mjs") || run("node_modules/.bin/node", file, ...args);
}

/** A bench begins with a comment that says how it is called; what others import does not. */
function benches() {
  const files = readdirSync("bench").map((entry) =>
    entry.endsWith(".ts")
      ? [entry.slice(0, -3), join("bench", entry)]
      : [entry, join("bench", entry, "main.ts")],
  );
  return files.filter(([, path]) =>
    /^(\/\*\*|\/\/)[\s\S]{0,600}?(node bench\/|npm run bench)/.test(readFileSync(path, "utf8")),
  );
}

function purpose(path) {
  const [first = ""] = readFileSync(path, "utf8")
    .replace(/^\/\*\*\s*\*?|^\/\/ /, "")
    .split(/[.:]\s|:\n| \(/);
  return first.replace(/\n(\s*\*|\/\/) ?/g, " ").trim();
}
