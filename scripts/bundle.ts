import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";

/**
 * Flags that Node gets for every role. A small young generation frees the buffers of a transfer early: 30 to 50 MiB
 * less in a container that streams artifacts.
 */
const nodeFlags = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=1"];

/** The bundle's entry: V8 keeps the compiled code of each role beside it. The cache goes by content and may move. */
const entry = `"use strict";
require("node:module").enableCompileCache({ directory: require("node:path").join(__dirname, "cache"), portable: true });
require("./main.cjs");
`;

const shared: BuildOptions = {
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node26",
  minify: true,
  legalComments: "linked",
  logLevel: "warning",
  metafile: true,
  // Where addons lie: beside the bundle.
  define: { ARGOEXEC_ADDONS: "__dirname", "import.meta.dirname": "__dirname" },
  // A dynamic import becomes a require that runs when it is due.
  supported: { "dynamic-import": false },
};

/**
 * Bundles all commands into `directory`: `argoexec.cjs`, the entry; `main.cjs`, all our code, evaluated piece by piece
 * as it is used; `vendor/`, a file for each package that is loaded on demand only. CommonJS, because Node's loader of
 * ES modules costs a pod 10 ms of CPU more. Returns the files of which some of the code is in it, below the project's folder.
 */
export async function bundle(directory: string, options: { version: string }): Promise<readonly string[]> {
  for (const part of ["vendor", "cache"]) rmSync(join(directory, part), { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const vendors = new Map<string, string>();
  const main = await build({
    ...shared,
    entryPoints: { main: "cmd/main.ts" },
    outdir: directory,
    outExtension: { ".js": ".cjs" },
    define: { ...shared.define, ARGOEXEC_VERSION: JSON.stringify(options.version) },
    plugins: [vendorOnDemand(vendors), leanPino, requireBuiltins],
  });
  const used = usedFiles(main);
  for (const [name, source] of vendors) {
    const vendor = await build({
      ...shared,
      stdin: { contents: reexport(JSON.stringify(source)), resolveDir: "." },
      outfile: join(directory, vendorFile(name)),
    });
    used.push(...usedFiles(vendor));
  }
  writeFileSync(join(directory, "argoexec.cjs"), entry);
  writeFileSync(join(directory, "node.flags"), `${nodeFlags.join("\n")}\n`);
  return used;
}

function usedFiles({ metafile }: { readonly metafile?: Metafile | undefined }): string[] {
  return Object.values(metafile?.outputs ?? {}).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
}

/** All that the package exports; `export *` leaves out the default, and naming it is an error where there is none. */
function reexport(name: string): string {
  return `export * from ${name}; import * as all from ${name}; export default Reflect.get(all, "default");`;
}

function vendorFile(name: string): string {
  return `vendor/${name.replaceAll("@", "").replaceAll("/", "-")}.cjs`;
}

/**
 * Packages that are imported dynamically get a file of their own; so does a folder's `vendor.ts`, which says what of
 * several packages is used together.
 */
function vendorOnDemand(found: Map<string, string>): Plugin {
  return {
    name: "vendor-on-demand",
    setup(build) {
      build.onResolve({ filter: /^[^.]/ }, ({ path, kind }) => {
        if (kind !== "dynamic-import" || path.startsWith("node:")) return undefined;
        found.set(path, path);
        return { path: `./${vendorFile(path)}`, external: true };
      });
      build.onResolve({ filter: /^\.\/vendor\.ts$/ }, ({ path, kind, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const name = basename(resolveDir);
        found.set(name, join(resolveDir, path));
        return { path: `./${vendorFile(name)}`, external: true };
      });
    },
  };
}

/** We give pino a destination of our own; its transports, worker threads and exit hooks would be loaded for nothing. */
const leanPino: Plugin = {
  name: "lean-pino",
  setup(build) {
    build.onResolve(
      { filter: /^(thread-stream|on-exit-leak-free|(\.\/lib|\.)\/transport)$/ },
      ({ path, importer }) => (importer.includes("/pino/") ? { path, namespace: "absent" } : undefined),
    );
    build.onLoad({ filter: /.*/, namespace: "absent" }, ({ path }) => ({
      contents: `module.exports = () => { throw new Error("${path} is not part of this build"); };`,
      loader: "js",
    }));
  },
};

/**
 * Loads Node's own modules with `getBuiltinModule`. What an ES import of one does, copying each of its exports, runs
 * getters that load a WebSocket client in the case of `node:http`: 45 ms of CPU for a role that sends a request.
 */
export const requireBuiltins: Plugin = {
  name: "require-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "builtin" }));
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: "js",
    }));
  },
};
