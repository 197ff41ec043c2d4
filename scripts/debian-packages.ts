import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * Installs the packages of Debian that are missing, where that can be done: by root, with apt-get.
 * @param packages names, each with a file that is there once the package is
 * @returns the names of those that are missing still, for those who cannot do without
 */
export function installDebianPackages(
  packages: Readonly<Record<string, string>>,
  say: (text: string) => void,
): readonly string[] {
  const missing = missingOf(packages);
  if (missing.length === 0 || process.getuid?.() !== 0) return missing;
  if (spawnSync("apt-get", ["--version"]).error) return missing;
  say(`installing ${missing.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = (...args: readonly string[]) => spawnSync("apt-get", args, { env, stdio: "ignore" });
  run("update");
  // One by one: a package that cannot be had is no reason to go without the others.
  for (const name of missing) run("install", "-y", "--no-install-recommends", name);
  return missingOf(packages);
}

function missingOf(packages: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(packages).flatMap(([name, path]) => (existsSync(path) ? [] : [name]));
}
