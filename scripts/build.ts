// Lays out an installation below dist/: bin/argoexec (the static program), lib/argoexec (Node and the bundle).
// Does nothing where dist/ is newer than every source.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
// @ts-expect-error plain JavaScript, so that it runs before the packages are installed
import { buildAddon, buildNative } from "./build-native.mjs";
import { bundle } from "./bundle.ts";
import { keepCode } from "./keep-code.ts";

const stamp = "dist/.built";
const sources = ["cmd", "src", "desk", "languages", "native", "scripts", "package-lock.json"];

if (isStale()) {
  mkdirSync("dist/bin", { recursive: true });
  mkdirSync("dist/lib/argoexec", { recursive: true });
  await buildNative({ out: "dist/bin/argoexec" });
  rmSync("dist/lib/argoexec/node", { force: true });
  symlinkSync(realpathSync("node_modules/.bin/node"), "dist/lib/argoexec/node");
  await bundle("dist/lib/argoexec", { version: "dev" });
  await keepCode("dist/bin/argoexec", "dist/lib/argoexec");
  writeFileSync(stamp, "");
}
// Each time: the libraries may have been installed since.
const hasAddon = buildAddon({ out: resolve("dist/lib/argoexec/deflate.node") });
console.log(
  hasAddon
    ? "compression: libdeflate and ISA-L"
    : "compression: Node's zlib (slower; Debian's libdeflate-dev and libisal-dev are not installed)",
);

function isStale(): boolean {
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  return sources.some((source) => newest(source) > built);
}

function newest(path: string): number {
  const found = statSync(path);
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
