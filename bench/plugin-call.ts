// What the first call to an artifact plugin costs a process: `npm run bench -- plugin-call`. Our client beside grpc-js,
// both bundled, against the same server on a unix socket; CPU above bare Node's.
import "./ready.ts";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { requireBuiltins } from "../scripts/bundle.ts";

const runs = 40;
const folder = mkdtempSync("/tmp/bench-plugin-");
const socket = join(folder, "socket");
const node = "dist/lib/argoexec/node";

const server = `
const server = require("node:http2").createServer();
server.on("stream", (stream) => {
  stream.resume();
  stream.on("end", () => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
});
server.listen(${JSON.stringify(socket)}, () => console.log("ready"));
process.stdin.on("end", () => process.exit()).resume();
`;
const ours = `
import { connectGrpc } from "./src/grpc/index.ts";
const signal = new AbortController().signal;
const channel = await connectGrpc({ socketPath: ${JSON.stringify(socket)} }, signal);
const answer = await channel.unary("/artifact.ArtifactService/Delete", Buffer.from([10, 0]), {}, signal);
process.exit(answer.length === 2 ? 0 : 1);
`;
const theirs = `
import { Client, credentials } from "@grpc/grpc-js";
const client = new Client("unix:${socket}", credentials.createInsecure());
const raw = (bytes) => bytes;
client.makeUnaryRequest("/artifact.ArtifactService/Delete", raw, raw, Buffer.from([10, 0]), (error, answer) =>
  process.exit(error || answer.length !== 2 ? 1 : 0));
`;

const child = spawn(node, ["-e", server], { stdio: ["pipe", "pipe", "inherit"] });
try {
  await once(child.stdout, "data");
  writeFileSync(join(folder, "bare.cjs"), "");
  const programs = { ours: await bundled("ours", ours), "grpc-js": await bundled("grpc-js", theirs) };
  const bare = cpuMs(join(folder, "bare.cjs"));
  console.log(`bare Node: ${bare.toFixed(1)} ms of CPU (mean of ${runs})`);
  for (const [name, program] of Object.entries(programs)) {
    const ms = cpuMs(program);
    console.log(
      `first call with ${name}: ${ms.toFixed(1)} ms of CPU, ${(ms - bare).toFixed(1)} ms above bare Node`,
    );
  }
} finally {
  child.kill();
  rmSync(folder, { recursive: true });
}

/** As scripts/bundle.ts does it: one file, Node's own modules without copies of their exports, code that is kept. */
async function bundled(name: string, source: string): Promise<string> {
  const file = join(folder, `${name}.cjs`);
  const contents = `(async () => {${source.replaceAll(/^import .*$/gm, "")}})();`;
  const imports = [...source.matchAll(/^import .*$/gm)].join("\n");
  await build({
    stdin: { contents: `${imports}\n${contents}`, resolveDir: ".", loader: "ts" },
    outfile: file,
    bundle: true,
    minify: true,
    platform: "node",
    format: "cjs",
    plugins: [requireBuiltins],
  });
  const entry = join(folder, `${name}-entry.cjs`);
  writeFileSync(
    entry,
    `require("node:module").enableCompileCache({ directory: ${JSON.stringify(join(folder, "cache"))} });
     require(${JSON.stringify(file)});`,
  );
  return entry;
}

function cpuMs(program: string): number {
  run(program);
  const before = childrenCpuMs();
  for (let index = 0; index < runs; index++) run(program);
  return (childrenCpuMs() - before) / runs;
}

function run(program: string): void {
  const { status, stderr } = spawnSync(node, [program], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
}

/** User and system time of all children so far, from /proc/self/stat (proc(5), fields 16 and 17). */
function childrenCpuMs(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[13]) + Number(fields[14])) * 1000) / 100;
}
