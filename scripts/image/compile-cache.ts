import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** Five words of Node's own; the last is the CRC-32 of what follows (src/compile_cache.cc). */
const headBytes = 20;
const crcAt = 16;
/** The fourth word of V8's: a hash of all flags (SerializedCodeData, src/snapshot/code-serializer.h). */
const flagHashAt = headBytes + 12;

interface Cache {
  /** `VERSION/NAME`, below the cache's folder. */
  readonly path: readonly [string, string];
  readonly bytes: Buffer;
}

/**
 * Lets V8 keep the compiled code that every role starts with, the same bytes for the same bundle. V8 draws a seed for
 * hashes at each start, by which the order of what it writes differs; a given seed changes the hash of its flags, without
 * which it takes no cache. So it is made with a given seed, and gets the flags' hash of one that was made without.
 * @param libraries the folder of Node and the bundle
 */
export function placeCompileCache(libraries: string): void {
  const plain = compile(libraries, []);
  const seeded = compile(libraries, ["--hash-seed=1"]);
  const again = compile(libraries, ["--hash-seed=1"]);
  const bytes = Buffer.from(seeded.bytes);
  bytes.writeUInt32LE(plain.bytes.readUInt32LE(flagHashAt), flagHashAt);
  bytes.writeUInt32LE(crc32(bytes.subarray(headBytes)), crcAt);
  if (!seeded.bytes.equals(again.bytes))
    throw new Error("two runs of this Node compile the bundle to different bytes");
  const folder = join(libraries, "cache", plain.path[0]);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, plain.path[1]), bytes, { mode: 0o644 });
  checkAccepted(libraries);
}

/**
 * Runs `init` once and returns what Node has kept. The bundle's path is part of that, so that it is laid in a folder whose
 * name follows from the bundle; one build at a time has it.
 */
function compile(libraries: string, flags: readonly string[]): Cache {
  const digest = createHash("sha256")
    .update(readFileSync(join(libraries, "main.cjs")))
    .digest("hex");
  const root = `/tmp/outrider-image-${digest.slice(0, 12)}`;
  claim(root);
  try {
    const folder = join(root, "lib/argoexec");
    mkdirSync(folder, { recursive: true });
    mkdirSync(join(root, "bin"));
    copyFileSync(join(libraries, "../../bin/argoexec"), join(root, "bin/argoexec"));
    for (const file of readdirSync(libraries)) {
      if (file.endsWith(".cjs")) copyFileSync(join(libraries, file), join(folder, file));
    }
    runInit(join(libraries, "node"), flags, join(folder, "argoexec.cjs"), {});
    const [version = ""] = readdirSync(join(folder, "cache"));
    const [name = "", ...others] = readdirSync(join(folder, "cache", version));
    if (others.length > 0) throw new Error("Node has kept code of more than one file");
    return { path: [version, name], bytes: readFileSync(join(folder, "cache", version, name)) };
  } finally {
    rmSync(root, { recursive: true });
  }
}

const abandonedAfterMs = 60_000;

/** Makes the folder; one that is there already is waited for, or taken over where its build has died. */
function claim(folder: string): void {
  for (;;) {
    try {
      mkdirSync(folder);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const madeMs = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (Date.now() - madeMs > abandonedAfterMs) rmSync(folder, { recursive: true, force: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}

function checkAccepted(libraries: string): void {
  const said = runInit(join(libraries, "node"), [], join(libraries, "argoexec.cjs"), {
    NODE_DEBUG_NATIVE: "COMPILE_CACHE",
  });
  if (!/main\.cjs was accepted/.test(said)) throw new Error(`Node does not take the compiled code:\n${said}`);
}

function runInit(
  node: string,
  flags: readonly string[],
  bundle: string,
  env: Readonly<Record<string, string>>,
): string {
  const pod = mkdtempSync("/tmp/outrider-pod-");
  try {
    mkdirSync(join(pod, "var/run/argo"), { recursive: true });
    const args = [node, ...flags, bundle, "init"];
    // What Node says of its cache comes on standard error.
    return execFileSync("sh", ["-c", 'exec "$@" 2>&1', "sh", ...args], {
      encoding: "utf8",
      env: {
        ...env,
        ARGOEXEC_ROOT: pod,
        ARGO_POD_NAME: "image",
        ARGO_DEADLINE: "0001-01-01T00:00:00Z",
        ARGO_TEMPLATE: JSON.stringify({ container: {} }),
      },
    });
  } finally {
    rmSync(pod, { recursive: true });
  }
}
