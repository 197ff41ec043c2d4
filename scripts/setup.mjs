// Makes a fresh checkout ready to run: packages, the static program, the bundle. Plain JavaScript without
// dependencies, for any Node from 18 on; the Node that the project runs on comes with the packages.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { linkNode } from "./link-node.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

installPackages();
run("node_modules/.bin/node", ["scripts/build.ts"]);

/** Runs `npm ci` where the lock file has changed since the last time. */
function installPackages() {
  const stamp = join("node_modules", ".outrider-lock");
  const hash = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  linkNode();
  writeFileSync(stamp, hash);
}

function run(command, args) {
  execFileSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
}
