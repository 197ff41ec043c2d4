// Lays out the root folder of the image: `npm run image -- DIR`. The Dockerfile runs the same steps. The same sources give
// the same folder, times included (SOURCE_DATE_EPOCH, in seconds). Beside it: DIR.provenance.json, what it was built from.
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { writeSection } from "../bench/report.ts";
// @ts-expect-error plain JavaScript, so that it runs before the packages are installed
import { buildAddon, buildNative } from "./build-native.mjs";
import { bundle } from "./bundle.ts";
import { contents } from "./image/contents.ts";
import { placeLicenses } from "./image/licenses.ts";
import { writeProvenance } from "./image/provenance.ts";
import { writeSbom } from "./image/sbom.ts";
import { debianPackages, npmPackage, npmPackages } from "./image/shipped.ts";
import { setTimes, treeBytes, treeDigest } from "./image/tree.ts";
import { keepCode } from "./keep-code.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    version: { type: "string", default: "dev" },
    /** The variant for git artifacts: git, its https helper, ssh, git-lfs and a shell, which git runs ssh with. */
    git: { type: "boolean", default: false },
    /** Writes what takes how many bytes into docs/image.md. */
    contents: { type: "boolean", default: false },
  },
});
const [target] = positionals;
if (!target) throw new Error("usage: npm run image -- DIR [--version VERSION] [--git]");
const root = resolve(target);
const createdMs = Number(process.env.SOURCE_DATE_EPOCH ?? 0) * 1000;
/** Files of the build machine of which the image holds all or something: their packages are named, with their licences. */
const systemFiles = new Set<string>(staticallyLinked());

// Whoever builds it: modes are part of the folder.
process.umask(0o022);
rmSync(root, { recursive: true, force: true });
mkdirSync(join(root, "bin"), { recursive: true });
await buildNative({ out: join(root, "bin/argoexec"), version: values.version });
placeNode(join(root, "lib/argoexec"));
const bundled = await bundle(join(root, "lib/argoexec"), { version: values.version });
placeAddon(join(root, "lib/argoexec"));
placeSystemFiles();
if (values.git) placeGit();
await keepCode(join(root, "bin/argoexec"), join(root, "lib/argoexec"), true);
const shipped = [
  ...npmPackages([...bundled.keys()]),
  npmPackage(nodePackage()),
  ...debianPackages([...systemFiles]),
];
placeDocuments();
setTimes(root, createdMs);
const digest = treeDigest(root);
const variant = values.git ? "git" : "root";
writeFileSync(
  `${root}.provenance.json`,
  writeProvenance({ digest, version: values.version, variant, packages: shipped }),
);
console.log(`${root}: sha256:${digest}`);
console.log(`${root}: ${Math.round(treeBytes(root) / 1e6)} MB`);
if (values.contents) writeSection("docs/image.md", "contents", contents(root, bundled));

/** Node without its symbol table, which takes 30 MB, and the shared objects that it loads. */
function placeNode(folder: string): void {
  const node = join(folder, "node");
  mkdirSync(folder, { recursive: true });
  copyFileSync(realpathSync("node_modules/.bin/node"), node);
  try {
    execFileSync("strip", [node], { stdio: "ignore" });
  } catch {
    console.warn("strip is not installed: the image's Node keeps its symbol table");
  }
  chmodSync(node, 0o755);
  placeLibrariesOf(node);
}

function placeLibrariesOf(program: string): void {
  for (const library of librariesOf(program)) {
    const place = join(root, library);
    mkdirSync(dirname(place), { recursive: true });
    copySystemFile(library, place);
  }
}

function copySystemFile(source: string, place: string): void {
  systemFiles.add(source);
  copyFileSync(realpathSync(source), place);
}

/** Libraries that are part of our own programs. */
function staticallyLinked(): readonly string[] {
  const musl = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-musl/libc.a`;
  const deflate = execFileSync("cc", ["-print-file-name=libdeflate.a"], { encoding: "utf8" }).trim();
  return [musl, resolve(deflate)].filter((file) => existsSync(file));
}

/** The package that Node came in, with the digest that the lock file records. */
function nodePackage(): string {
  return resolve(dirname(realpathSync("node_modules/.bin/node")), "..");
}

/** Licences, and the bill of materials. */
function placeDocuments(): void {
  const folder = join(root, "usr/share/doc/outrider");
  placeLicenses(folder, shipped);
  writeFileSync(join(folder, "sbom.spdx.json"), writeSbom(values.version, shipped, createdMs));
}

/** The addon with libdeflate in it, ISA-L beside it, and what their licences want to go with them. */
function placeAddon(folder: string): void {
  const addon = join(folder, "deflate.node");
  buildAddon({ out: addon, isRequired: true });
  for (const library of librariesOf(addon)) {
    const isOwn = library.includes("libisal");
    const place = isOwn ? join(folder, basename(library)) : join(root, library);
    if (!existsSync(place)) copySystemFile(library, place);
  }
  copyFileSync("native/deflate/LICENSES", join(folder, "deflate.LICENSES"));
}

/** Git and what it starts, at the places where it looks for them (docs/artifacts/git.md). */
function placeGit(): void {
  const core = execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim();
  const programs = {
    "/bin/sh": "/bin/sh",
    "/bin/git": "/usr/bin/git",
    "/bin/git-lfs": "/usr/bin/git-lfs",
    "/bin/ssh": "/usr/bin/ssh",
    [`${core}/git-remote-http`]: `${core}/git-remote-http`,
  };
  for (const [place, source] of Object.entries(programs)) {
    mkdirSync(dirname(join(root, place)), { recursive: true });
    copySystemFile(source, join(root, place));
    chmodSync(join(root, place), 0o755);
    placeLibrariesOf(source);
  }
  symlinkSync("git-remote-http", join(root, core, "git-remote-https"));
  // Git looks for itself here first.
  symlinkSync("/bin/git", join(root, core, "git"));
  mkdirSync(join(root, "etc/ssh"), { recursive: true });
  copyFileSync("scripts/ssh_known_hosts", join(root, "etc/ssh/ssh_known_hosts"));
  // ssh runs only for users that have an entry; the group of this one stays 0.
  appendFileSync(join(root, "etc/passwd"), "argoexec:x:8737:0::/:/sbin/nologin\n");
}

/** What the dynamic loader loads for a program, the loader itself included, at the paths it looks for them. */
function librariesOf(program: string): string[] {
  const listing = execFileSync("ldd", [program], { encoding: "utf8" });
  return [...listing.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}

/** Files of the image that programs and drivers rely on (docs/contract/pod.md#0, docs/contract/artifacts.md#4). */
function placeSystemFiles(): void {
  mkdirSync(join(root, "tmp"));
  chmodSync(join(root, "tmp"), 0o1777);
  for (const folder of ["etc/ssl/certs", "var/run/argo"]) mkdirSync(join(root, folder), { recursive: true });
  for (const file of ["/etc/ssl/certs/ca-certificates.crt", "/etc/mime.types"]) {
    if (existsSync(file)) copyFileSync(file, join(root, file));
    else console.warn(`${file} is not installed here and will be missing in the image`);
  }
  // The bundle of authorities is made on the machine, from files of this package.
  for (const file of ["/usr/sbin/update-ca-certificates", "/etc/mime.types"])
    if (existsSync(file)) systemFiles.add(file);
  // Zone names in expressions.
  if (existsSync("/usr/share/zoneinfo")) {
    cpSync("/usr/share/zoneinfo", join(root, "usr/share/zoneinfo"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    systemFiles.add("/usr/share/zoneinfo/UTC");
  }
  // No entry for uid 8737: it must keep group 0 (docs/contract/roles.md#0.2).
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/sbin/nologin\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
}
