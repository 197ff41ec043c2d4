import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** V8 and Node flags of every role; each is worth start-up time or keeps a warning out of users' logs. */
const nodeFlags = ["--disable-warning=ExperimentalWarning"];

/**
 * Bundles the commands into `directory`: one entry, and one chunk for everything that is loaded on demand, so that a
 * pod parses only what it uses.
 */
export async function bundle(directory: string, options: { version: string }): Promise<void> {
  rmSync(join(directory, "chunks"), { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  await build({
    entryPoints: { argoexec: "cmd/entry.ts" },
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node26",
    minify: true,
    legalComments: "linked",
    define: { ARGOEXEC_VERSION: JSON.stringify(options.version) },
    banner: { js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);' },
    logLevel: "warning",
  });
  writeFileSync(join(directory, "node.flags"), `${nodeFlags.join("\n")}\n`);
}
