"use strict";
// The first file that Node runs, lib/argoexec/argoexec.cjs: runs the parts of the bundle (scripts/pack-parts.ts) with the
// bytecode that V8 made of them when the image was built (scripts/keep-code.ts). Node's own compile cache keeps only
// what is compiled when a file is loaded, which is not what a role calls.
const { readFileSync } = process.getBuiltinModule("node:fs");
const { Script } = process.getBuiltinModule("node:vm");

/** Each role, and each phase of one, has a cache of exactly what it calls; of packages all call the same. */
const command = /^[a-z-]+$/.test(process.argv[2]) ? process.argv[2] : "none";
const role = `${command}${process.env.ARGOEXEC_EVENT === undefined ? "" : "-again"}`;
// Pages of listings are garbage as soon as they are read. V8 would let it grow to several times of what is alive before
// it collects it: 25 MiB less for a few percent of CPU. Kept code is refused where flags are others than when it was kept.
const v8Flags = command === "sync" ? ["--heap-growing-percent=15"] : [];
for (const flag of v8Flags) process.getBuiltinModule("node:v8").setFlagsFromString(flag);
const functions = readPart("main.js");
const results = {};
let places;

/** Reads a file of parts; what it says is the image's own. */
function readPart(file) {
  // The bundler writes ASCII only.
  const text = readFileSync(`${__dirname}/${file}`, "latin1");
  const script = new Script(text, { filename: nameOf(file), cachedData: keptCode(file) });
  process.emit("argoexec-part", { file, name: nameOf(file), code: codeOf(file), text, v8Flags, script });
  return script.runInThisContext();
}

/** In traces, and in the bytecode, which is the same wherever it was made. */
function nameOf(file) {
  return `argoexec/${file}`;
}

function codeOf(file) {
  return file.startsWith("vendor/") ? `packages/${file.slice("vendor/".length)}` : `${role}/${file}`;
}

function keptCode(file) {
  try {
    return readFileSync(`${__dirname}/code/${codeOf(file)}`);
  } catch {
    // A role that was not run when the code was kept: V8 compiles what is called.
    return undefined;
  }
}

function loadPart(name) {
  const known = results[name];
  if (known !== undefined) return known;
  if (functions[name] === undefined) {
    places ??= JSON.parse(readFileSync(`${__dirname}/parts.json`, "latin1"));
    Object.assign(functions, readPart(places[name]));
  }
  results[name] = functions[name](loadPart, loadLater, require, __dirname);
  return results[name];
}

/** A package that has a file of its own, CommonJS, as Node would load it, but for the kept code. */
function loadPackage(file) {
  const filename = `${__dirname}/${file}`;
  const known = require.cache[filename];
  if (known !== undefined) return known.exports;
  const module = { id: filename, filename, exports: {}, loaded: false, children: [], paths: [] };
  require.cache[filename] = module;
  const wrapped = `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, "latin1")}\n})`;
  const script = new Script(wrapped, { filename: nameOf(file), cachedData: keptCode(file) });
  process.emit("argoexec-part", { file, name: nameOf(file), code: codeOf(file), text: wrapped, v8Flags, script });
  script.runInThisContext()(module.exports, require, module, filename, `${__dirname}/vendor`);
  module.loaded = true;
  return module.exports;
}

/** Packages that know stores of secrets and API servers by themselves; others get their connections from us. */
const speaksTls = /^\.\/vendor\/(alicloud|aws|azure|google|kubernetes)/;
let trustsPublicRoots = false;

/** Packages may open connections of their own: they trust what Node would, had it not been told to leave it out. */
function trustPublicRoots() {
  if (trustsPublicRoots || !process.execArgv.includes("--use-openssl-ca")) return;
  trustsPublicRoots = true;
  const { getCACertificates, setDefaultCACertificates } = process.getBuiltinModule("node:tls");
  setDefaultCACertificates([...getCACertificates("bundled"), ...getCACertificates("extra")]);
}

/** A dynamic import: of a part, of a package, or of a module of Node's. */
async function loadLater(name) {
  if (!name.startsWith("./")) return require(name);
  if (speaksTls.test(name)) trustPublicRoots();
  return name.startsWith("./vendor/") ? loadPackage(name.slice(2)) : loadPart(name);
}

loadPart("./main.js");
