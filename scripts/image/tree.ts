import { createHash } from "node:crypto";
import { lstatSync, lutimesSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Gives everything below a folder, and the folder itself, one time: that of the sources. */
export function setTimes(folder: string, ms: number): void {
  for (const path of paths(folder)) lutimesSync(join(folder, path), ms / 1000, ms / 1000);
  lutimesSync(folder, ms / 1000, ms / 1000);
}

/** SHA-256 over names, types, modes and contents of everything below a folder, in the order of their names. */
export function treeDigest(folder: string): string {
  const hash = createHash("sha256");
  for (const path of paths(folder)) {
    const found = lstatSync(join(folder, path));
    const content = found.isFile()
      ? createHash("sha256")
          .update(readFileSync(join(folder, path)))
          .digest("hex")
      : found.isSymbolicLink()
        ? readlinkSync(join(folder, path))
        : "";
    hash.update(`${path}\0${found.mode.toString(8)}\0${content}\0`);
  }
  return hash.digest("hex");
}

/** What the files below a folder hold, in bytes; without one of that name, or for a file, what there is. */
export function treeBytes(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + treeBytes(join(path, name)), 0);
}

function paths(folder: string, below = ""): string[] {
  return readdirSync(join(folder, below))
    .sort()
    .flatMap((name) => {
      const path = below === "" ? name : `${below}/${name}`;
      return lstatSync(join(folder, path)).isDirectory() ? [path, ...paths(folder, path)] : [path];
    });
}
