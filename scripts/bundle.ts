import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { packParts } from "./pack-parts.ts";

/**
 * Flags that Node gets for every role. A small young generation frees the buffers of a transfer early: 30 to 50 MiB
 * less in a container that streams artifacts. Nothing is compiled by a thread of its own: where such a thread waits for
 * a collection while the process ends, Node waits for the thread for ever (docs/decisions/0011-no-compiler-threads.md).
 * With OpenSSL's store of authorities Node does not read its own 120 whenever TLS is loaded, which pods that speak to the
 * API server only never look at; OpenSSL's is never used: whoever names no authorities of its own is given Node's
 * (`trustPublicRoots` in src/http/roots.ts, and scripts/start.cjs for packages).
 */
const nodeFlags = [
  "--disable-warning=ExperimentalWarning",
  "--max-semi-space-size=1",
  "--no-concurrent-sparkplug",
  "--no-concurrent-recompilation",
  "--use-openssl-ca",
];

const shared: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node26",
  minify: true,
  legalComments: "linked",
  logLevel: "warning",
};

/** What every pod runs, with or without artifacts: it is in the first file. */
const inEveryPod = [
  "cmd/main.ts",
  "cmd/init.ts",
  "cmd/wait.ts",
  "cmd/supervisor.ts",
  "src/kube/index.ts",
  "src/http/index.ts",
  "src/wait/finish.ts",
  "src/wait/resume.ts",
];
/** What a pod with artifacts runs besides, whatever its store: one more file. */
const withArtifacts = [
  "src/inputs/load-artifact.ts",
  "src/artifacts/index.ts",
  "src/artifacts/drivers/s3/driver.ts",
  "src/transfer/index.ts",
];

/**
 * Bundles all commands into `directory`: `argoexec.cjs`, the entry; `main.js`, what every pod runs; `parts/`, the rest
 * of our code in files that are loaded when they are needed; `vendor/`, a file for each package that is loaded on
 * demand only. CommonJS, because Node's loader of ES modules costs a pod 10 ms of CPU more; in parts, because a pod pays
 * for each byte of a file that is read, checked and taken out of the kept bytecode. Returns the files of which some of the
 * code is in it, below the project's folder, with the bytes that it takes there.
 */
export async function bundle(
  directory: string,
  options: { version: string },
): Promise<ReadonlyMap<string, number>> {
  for (const part of ["parts", "vendor", "code"]) {
    rmSync(join(directory, part), { recursive: true, force: true });
  }
  for (const folder of [directory, join(directory, "parts")]) mkdirSync(folder, { recursive: true });
  const vendors = new Map<string, string>();
  const { outputFiles, metafile } = await build({
    ...shared,
    format: "esm",
    splitting: true,
    write: false,
    metafile: true,
    entryPoints: { main: "cmd/main.ts" },
    outdir: directory,
    define: {
      // Where addons lie: beside the bundle.
      ARGOEXEC_ADDONS: "__dirname",
      ARGOEXEC_VERSION: JSON.stringify(options.version),
      "import.meta.dirname": "__dirname",
    },
    plugins: [vendorOnDemand(vendors), leanPino, namedBuiltins, requireBuiltins],
  });
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  writeParts(directory, texts, reachOf(metafile));
  const used = new Map<string, number>();
  addUsed(used, metafile);
  for (const [name, source] of vendors) {
    const vendor = await build({
      ...shared,
      metafile: true,
      format: "cjs",
      // A dynamic import becomes a require that runs when it is due.
      supported: { "dynamic-import": false },
      stdin: { contents: reexport(JSON.stringify(source)), resolveDir: "." },
      outfile: join(directory, vendorFile(name)),
    });
    addUsed(used, vendor.metafile);
  }
  copyFileSync("scripts/start.cjs", join(directory, "argoexec.cjs"));
  writeFileSync(join(directory, "node.flags"), `${nodeFlags.join("\n")}\n`);
  return used;
}

/** A file may be in several outputs: a package on demand, say, and what another one needs of it. */
function addUsed(used: Map<string, number>, { outputs }: Metafile): void {
  for (const { inputs } of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs))
      if (bytesInOutput > 0) used.set(file, (used.get(file) ?? 0) + bytesInOutput);
  }
}

/** Writes `main.js`, `parts/artifacts.js`, a file for each other part, and the licences that go with them. */
function writeParts(
  directory: string,
  texts: ReadonlyMap<string, string>,
  reach: (source: string) => readonly string[],
): void {
  const files = new Map<string, string>();
  for (const part of inEveryPod.flatMap(reach)) files.set(part, "main.js");
  for (const part of withArtifacts.flatMap(reach)) {
    if (!files.has(part)) files.set(part, "parts/artifacts.js");
  }
  const legal = new Set<string>();
  for (const [name, text] of texts) {
    if (name.endsWith(".LEGAL.txt")) legal.add(text);
    else if (!files.has(name)) files.set(name, `parts/${name}`);
  }
  for (const file of new Set(files.values())) {
    const parts = [...files].filter(([, place]) => place === file).map(([name]) => name);
    writeFileSync(
      join(directory, file),
      packParts(parts.map((name) => ({ name: `./${name}`, text: texts.get(name) ?? "" }))),
    );
  }
  const places = [...files]
    .filter(([, file]) => file !== "main.js")
    .map(([name, file]) => [`./${name}`, file]);
  writeFileSync(join(directory, "parts.json"), JSON.stringify(Object.fromEntries(places)));
  writeFileSync(join(directory, "LEGAL.txt"), [...legal].join("\n"));
}

/** Says which parts run when the source `path` is imported. */
function reachOf({ outputs }: Metafile): (path: string) => readonly string[] {
  const parts = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
  return (source) => {
    const [first] = [...parts].find(([, { entryPoint }]) => entryPoint === source) ?? [];
    if (first === undefined)
      throw new Error(`${source} is not imported dynamically: it has no part of its own`);
    const found = new Set([first]);
    // What is added while the loop runs is visited as well.
    for (const name of found) {
      for (const { path, kind } of parts.get(name)?.imports ?? []) {
        if (kind === "import-statement") found.add(basename(path));
      }
    }
    return [...found];
  };
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

/**
 * pino is run when the first line is written. We give it a destination of our own; its transports, its writer of files,
 * worker threads and exit hooks would be loaded for nothing.
 */
const leanPino: Plugin = {
  name: "lean-pino",
  setup(build) {
    build.onResolve({ filter: /^pino$/ }, ({ path, kind, resolveDir }) =>
      kind === "import-statement"
        ? { path, namespace: "late", sideEffects: false, pluginData: resolveDir }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "late" }, ({ path, pluginData }) => ({
      contents: `export const pino = (...args) => require(${JSON.stringify(path)}).pino(...args);`,
      loader: "js",
      resolveDir: String(pluginData),
    }));
    build.onResolve(
      { filter: /^(thread-stream|on-exit-leak-free|sonic-boom|worker_threads|(\.\/lib|\.)\/transport)$/ },
      ({ path, importer }) => (importer.includes("/pino/") ? { path, namespace: "absent" } : undefined),
    );
    build.onLoad({ filter: /.*/, namespace: "absent" }, ({ path }) => ({
      contents: `module.exports = function absent() { throw new Error("${path} is not part of this build"); };`,
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

/** Modules that bring much with them: loaded when the first of their functions is called, or one of their constants read. */
const lateBuiltins = ["node:fs/promises", "node:stream/promises", "node:timers/promises", "node:zlib"];

/** The same for ES imports, where the names are known: only those are read that somebody uses. */
const namedBuiltins: Plugin = {
  name: "named-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) => {
      if (kind === "dynamic-import") return { path, external: true };
      return kind === "import-statement"
        ? { path, namespace: "named-builtin", sideEffects: false }
        : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: "named-builtin" }, ({ path }) => {
      const module = process.getBuiltinModule(path) as object;
      const names = Object.keys(module).filter(
        (name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== "default",
      );
      const reader = (name: string) => {
        if (!lateBuiltins.includes(path)) return "one";
        const kind = typeof Reflect.get(module, name);
        return kind === "function" ? "late" : kind === "object" ? "lateObject" : "one";
      };
      return {
        contents: [
          `const all = () => process.getBuiltinModule(${JSON.stringify(path)});`,
          "const one = (name) => all()[name];",
          "const late = (name) => (...args) => all()[name](...args);",
          "const lateObject = (name) => new Proxy({}, { get: (_, key) => all()[name][key] });",
          ...names.map((name) => {
            const value = `/* @__PURE__ */ ${reader(name)}(${JSON.stringify(name)})`;
            return `const $${name} = ${value}; export { $${name} as ${name} };`;
          }),
          "const whole = /* @__PURE__ */ all(); export default whole;",
        ].join("\n"),
        loader: "js",
      };
    });
  },
};
