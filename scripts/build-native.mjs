// Builds the static C program (native/README.md) with whatever C compiler the machine has. Plain JavaScript without
// dependencies, so that `npm install` on a fresh machine with any Node can run it.
//
//   node scripts/build-native.mjs [--out FILE] [--cc CC] [--sanitize] [--version V] [--fuzz SECONDS]
//
// and the addon with libdeflate and ISA-L for Node (native/deflate), where their headers are installed.

import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const project = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const sourceFolder = join(project, "native");
const corpusFolder = join(sourceFolder, "corpus");
const fuzzFolder = join(sourceFolder, "fuzz");
const addonFolder = join(sourceFolder, "deflate");

const warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const standard = ["-std=c17", "-D_GNU_SOURCE", ...warnings];
const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];
const small = ["-static", "-Os", "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables"];
const stripped = ["-Wl,--gc-sections", "-Wl,-z,noseparate-code", "-Wl,--build-id=none", "-s"];

/**
 * Compiles native/*.c into one program, unless it is newer than all of its sources.
 * @param {{ out?: string, cc?: string, sanitize?: boolean, version?: string }} options
 *   `sanitize` makes a dynamic program with address and undefined-behaviour checks instead of a small static one
 * @returns {{ out: string, cc: string, isFresh: boolean }} `isFresh`: it was compiled now
 */
export function buildNative(options = {}) {
  const sanitize = options.sanitize ?? false;
  const out = resolve(
    options.out ?? join(project, "build/native", sanitize ? "argoexec-sanitize" : "argoexec"),
  );
  const cc = options.cc ?? findCompiler(sanitize);
  const version = options.version ?? packageVersion();
  if (isUpToDate(out, version)) return { out, cc, isFresh: false };
  mkdirSync(dirname(out), { recursive: true });
  const aside = `${out}.${process.pid}`;
  const mode = sanitize ? ["-g", "-O1", ...sanitizers] : [...small, ...stripped];
  compile(cc, [...standard, ...mode, ...versionFlags(version), ...sources(), "-o", aside]);
  renameSync(aside, out);
  return { out, cc, isFresh: true };
}

/**
 * Compiles native/deflate/*.c into an addon for Node, unless it is newer than all of its sources. libdeflate becomes
 * part of it; ISA-L, which Debian has as a shared library only, may lie beside it or where the system has it.
 * @param {{ out: string, isRequired?: boolean }} options `isRequired`: throw where the libraries are not installed
 * @returns {boolean} whether there is one now; what was there before is removed where it cannot be built
 */
export function buildAddon({ out, isRequired = false }) {
  const cc = findCompiler(true);
  const inputs = [
    ...filesOf(addonFolder, ".c"),
    ...filesOf(addonFolder, ".h"),
    fileURLToPath(import.meta.url),
  ];
  if (existsSync(out) && inputs.every((input) => statSync(input).mtimeMs < statSync(out).mtimeMs))
    return true;
  if (!hasLibraries(cc)) {
    if (isRequired)
      throw new Error("install Debian's libdeflate-dev and libisal-dev, or what they are called here");
    rmSync(out, { force: true });
    return false;
  }
  mkdirSync(dirname(out), { recursive: true });
  const aside = `${out}.${process.pid}`;
  compile(cc, [...standard, ...addonFlags, ...filesOf(addonFolder, ".c"), ...libraries, "-o", aside]);
  renameSync(aside, out);
  return true;
}

const addonFlags = [
  ...["-O2", "-fPIC", "-shared", "-pthread", "-fvisibility=hidden", "-DNAPI_VERSION=8"],
  ...["-isystem", join(project, "node_modules/node-api-headers/include")],
];
const libraries = [
  ...["-l:libdeflate.a", "-lisal", "-Wl,--exclude-libs,ALL", "-Wl,-rpath,$ORIGIN"],
  ...["-Wl,-z,relro,-z,now", "-Wl,--build-id=none", "-s"],
];

/** A program of one line that needs both, so that an error in our own sources is not taken for a missing library. */
function hasLibraries(cc) {
  const code =
    "#include <isa-l/igzip_lib.h>\n#include <libdeflate.h>\n" +
    "int main(void) { struct inflate_state s; isal_inflate_init(&s); return libdeflate_crc32(0, 0, 0) != 0; }\n";
  const args = ["-x", "c", "-", "-x", "none", "-l:libdeflate.a", "-lisal", "-o", "/dev/null"];
  return spawnSync(cc, args, { input: code, stdio: ["pipe", "ignore", "ignore"] }).status === 0;
}

/** The C files of the program. */
function sources() {
  return filesOf(sourceFolder, ".c");
}

function filesOf(folder, suffix) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(suffix));
  return names.sort().map((name) => join(folder, name));
}

/** musl makes the smallest program; sanitizers need the system's own C library. */
function findCompiler(sanitize) {
  const candidates = sanitize ? ["cc", "gcc", "clang"] : ["musl-gcc", "cc", "gcc", "clang"];
  const found = candidates.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
  if (found === undefined) {
    throw new Error(
      `no C compiler found (tried ${candidates.join(", ")}); install one, such as Debian's gcc and libc6-dev`,
    );
  }
  return found;
}

function packageVersion() {
  return JSON.parse(readFileSync(join(project, "package.json"), "utf8")).version;
}

function isUpToDate(out, version) {
  if (!existsSync(out)) return false;
  const inputs = [...sources(), ...filesOf(sourceFolder, ".h"), fileURLToPath(import.meta.url)];
  const builtMs = statSync(out).mtimeMs;
  if (inputs.some((input) => statSync(input).mtimeMs >= builtMs)) return false;
  const said = spawnSync(out, ["version", "--short"], { encoding: "utf8" });
  return said.stdout === `argoexec: ${version}\n`;
}

/** The date is the commit's, so that the same sources make the same bytes. */
function versionFlags(version) {
  const commit = git("rev-parse", "--short=12", "HEAD") || "unknown";
  const date = git("log", "-1", "--format=%cI") || "unknown";
  const platform = `linux/${process.arch === "x64" ? "amd64" : process.arch}`;
  const values = { VERSION: version, COMMIT: commit, DATE: date, PLATFORM: platform };
  return Object.entries(values).map(([name, value]) => `-DARGOEXEC_${name}="${value}"`);
}

function git(...args) {
  const result = spawnSync("git", ["-C", project, ...args], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : "";
}

function compile(cc, args) {
  const result = spawnSync(cc, args, { encoding: "utf8" });
  if (result.status !== 0) {
    throw new Error(
      `${cc} failed to build the native program:\n${result.error?.message ?? ""}${result.stderr ?? ""}`,
    );
  }
}

/**
 * Runs every fuzz target for a bounded time, starting from its kept corpus. With clang's libFuzzer where it exists,
 * otherwise with our own small mutating driver under the same sanitizers.
 * @param {number} seconds for each target
 */
export function fuzzNative(seconds) {
  const folder = mkdtempSync(join(tmpdir(), "argoexec-fuzz-"));
  try {
    for (const target of filesOf(fuzzFolder, ".c").filter((file) => !file.endsWith("driver.c"))) {
      fuzzTarget(target, folder, seconds);
    }
    fuzzDeflate(folder, seconds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The addon's blocks and streams: not by coverage, for the libraries are not instrumented. */
function fuzzDeflate(folder, seconds) {
  const cc = findCompiler(true);
  if (!hasLibraries(cc)) return console.log("fuzz hostile: left out, libdeflate and ISA-L are not installed");
  const program = join(folder, "hostile");
  const code = filesOf(addonFolder, ".c").filter((file) => !file.endsWith("/addon.c"));
  const target = join(addonFolder, "fuzz/hostile.c");
  const links = ["-l:libdeflate.a", "-lisal", "-pthread"];
  compile(cc, [...standard, "-g", "-O1", ...sanitizers, target, ...code, ...links, "-o", program]);
  execFileSync(program, [String(seconds)], { stdio: "inherit" });
}

function fuzzTarget(target, folder, seconds) {
  const name = target.slice(fuzzFolder.length + 1, -".c".length);
  const program = join(folder, name);
  const found = join(folder, `${name}-found`);
  const code = sources().filter((file) => !file.endsWith("/main.c"));
  const common = [...standard, "-g", "-O1", `-I${sourceFolder}`, target, ...code];
  mkdirSync(found);
  const hasLibFuzzer = tryCompile("clang", [...common, "-fsanitize=fuzzer,address,undefined", "-o", program]);
  if (!hasLibFuzzer) {
    compile(findCompiler(true), [...common, join(fuzzFolder, "driver.c"), ...sanitizers, "-o", program]);
  }
  const corpus = join(corpusFolder, name);
  const args = hasLibFuzzer
    ? [
        `-max_total_time=${seconds}`,
        "-verbosity=0",
        "-print_final_stats=1",
        `-artifact_prefix=${folder}/`,
        found,
        corpus,
      ]
    : [String(seconds), corpus];
  console.log(`fuzz ${name}: ${seconds} s with ${hasLibFuzzer ? "libFuzzer" : "the built-in driver"}`);
  execFileSync(program, args, { stdio: "inherit" });
}

function tryCompile(cc, args) {
  return spawnSync(cc, args, { stdio: "ignore" }).status === 0;
}

/** Reads `--name value` pairs and the switch `--sanitize`. */
function parseArguments(args) {
  const options = {};
  for (let i = 0; i < args.length; i++) {
    const name = args[i];
    if (name === "--sanitize") options.sanitize = true;
    else if (["--out", "--cc", "--version", "--fuzz"].includes(name) && args[i + 1] !== undefined) {
      options[name.slice(2)] = args[++i];
    } else throw new Error(`unknown or incomplete option: ${name}`);
  }
  return options;
}

function main() {
  const { fuzz, ...options } = parseArguments(process.argv.slice(2));
  if (fuzz !== undefined) {
    fuzzNative(Number(fuzz));
    return;
  }
  const { out, cc, isFresh } = buildNative(options);
  console.log(`${out}: ${statSync(out).size} bytes, ${isFresh ? `built with ${cc}` : "up to date"}`);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
