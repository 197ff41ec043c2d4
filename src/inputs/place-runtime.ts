import { constants } from "node:fs";
import { chmod, copyFile, cp, mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ExecutorError } from "../errors/index.ts";
import type { PodPaths } from "../podfiles/index.ts";

/** Files and folders of an installation's `lib/argoexec` that run anywhere. */
const bundleParts = ["argoexec.cjs", "main.js", "parts.json", "parts", "vendor", "node.flags", "code"];

/**
 * Puts Node, the loader and the shared objects that it runs with, and our code where containers of foreign images find
 * them (`/var/run/argo/runtime`, native/README.md): `artifact-plugin-init` runs in the image of a plugin, which may
 * have another C library or none.
 * @param node the running Node
 * @param libraries the folder of our code: `lib/argoexec`
 */
export async function placeRuntime(paths: PodPaths, node: string, libraries: string): Promise<void> {
  const folder = paths.portableRuntime;
  const aside = `${folder}.tmp`;
  await rm(aside, { recursive: true, force: true });
  await mkdir(join(aside, "lib"), { recursive: true });
  await place(node, join(aside, "node"), 0o555);
  for (const library of loadedLibraries()) {
    const isLoader = /^ld(-linux|64|-musl)?[^/]*\.so/.test(basename(library));
    await place(library, join(aside, isLoader ? "ld.so" : `lib/${basename(library)}`), 0o555);
  }
  for (const part of bundleParts) {
    await cp(join(libraries, part), join(aside, part), { recursive: true, dereference: true }).catch(
      (error) => {
        // No bytecode has been kept here.
        if (part !== "code") throw error;
      },
    );
  }
  await rm(folder, { recursive: true, force: true });
  await rename(aside, folder);
}

async function place(from: string, to: string, mode: number): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, mode);
}

/** Under the names by which programs ask for them; the kernel's own, which is no file, is left out. */
function loadedLibraries(): readonly string[] {
  const { report } = process;
  if (report === undefined) throw new ExecutorError("Internal", "this Node cannot say what it has loaded");
  // Nothing of the environment, nor of open connections, is collected.
  Object.assign(report, { excludeEnv: true, excludeNetwork: true });
  const { sharedObjects } = report.getReport() as { readonly sharedObjects: readonly string[] };
  return sharedObjects.filter((path) => path.startsWith("/"));
}
