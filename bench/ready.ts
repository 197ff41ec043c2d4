/** Imported first by every bench: runs from the project's folder, and sets up what is not there, saying so. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

process.chdir(resolve(import.meta.dirname, ".."));
if (!existsSync("dist/.built")) {
  console.error("# dist/ is not built yet: npm run setup (a minute or two)");
  const { status } = spawnSync("node", ["scripts/setup.mjs"], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("npm run setup has failed; what it printed stands above");
}
