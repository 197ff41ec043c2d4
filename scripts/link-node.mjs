// Makes `node_modules/.bin/node` the Node that came with the packages. npm does it, but for older ones (9.2, which Debian
// 12 has): they take the link away again with the optional packages for other machines, which have one of the same name.
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @throws where no package for this machine is there */
export function linkNode() {
  const link = join(root, "node_modules/.bin/node");
  if (existsSync(link)) return;
  const program = programs().find((path) => existsSync(path));
  if (program === undefined) {
    throw new Error(
      "no Node came with the packages: there is one for Linux and macOS on x64 and arm64, as an optional dependency " +
        "that npm must not leave out (npm config get omit)",
    );
  }
  mkdirSync(dirname(link), { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link);
  symlinkSync(relative(dirname(link), program), link);
}

/** What each of the optional packages calls `node`. */
function programs() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const names = Object.keys(optionalDependencies).filter((name) =>
    name.endsWith(`-${process.platform}-${process.arch}`),
  );
  return names.map((name) => join(root, "node_modules", name, "bin/node"));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) linkNode();
