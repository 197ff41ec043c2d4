/**
 * Outputs that lie on a volume which main and wait have mounted, saved by a whole pod on the desk: seconds from the end of
 * the command to the end of the pod, which is reading, packing, sending and reporting; and CPU seconds of all containers, the
 * command's included, which tell more on a machine that is busy.
 *   npm run bench -- volumes [tree, default .] [files, default 5000] [bytes, default 4096] [rounds, default 3]
 *
 * `tree` is a working copy with its own `dist`: run it for two of them in turn to compare. The store is the tree's own
 * object server, in this process, and takes its share of the time.
 */
import "./ready.ts";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { TestContext } from "node:test";

const [, , tree = ".", files = "5000", bytes = "4096", rounds = "3"] = process.argv;
const desk = (await import(resolve(tree, "test/pod/desk.ts"))) as typeof import("../test/pod/desk.ts");

const script = `mkdir -p /work/small && cd /work/small &&
head -c ${Number(files) * Number(bytes)} /dev/urandom | split -b ${bytes} -a 5 - && date +%s%N`;

const archives = [
  ["none", { none: {} }],
  ["tar.gz", undefined],
] as const;

console.log(`| ${files} files of ${bytes} bytes on a volume | seconds | CPU s |`);
console.log("|---|---|---|");
for (const [name, archive] of archives) {
  const seconds: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < Number(rounds); round++) {
    const before = childrenCpuSeconds();
    seconds.push(await save(archive));
    cpu.push(childrenCpuSeconds() - before);
  }
  const list = (figures: readonly number[]) => figures.map((each) => each.toFixed(2)).join(", ");
  console.log(`| ${name} | ${list(seconds)} | ${list(cpu)} |`);
}
process.exit(0);

async function save(archive: object | undefined): Promise<number> {
  const ends: (() => unknown)[] = [];
  const context = { after: (end: () => unknown) => void ends.unshift(end) } as unknown as TestContext;
  try {
    const artifact = { name: "small", path: "/work/small", ...(archive && { archive }) };
    const pod = await desk.startPod(context, {
      volumes: [{ name: "work", emptyDir: {} }],
      container: {
        image: "busybox",
        command: ["sh", "-c"],
        args: [script],
        volumeMounts: [{ name: "work", mountPath: "/work" }],
      },
      outputs: { artifacts: [artifact] },
    });
    const codes = await pod.codes();
    const ended = Date.now();
    if (codes.wait !== 0) throw new Error(`wait ended with ${codes.wait}: ${await pod.message("wait")}`);
    return (ended - Number(pod.printed("main")) / 1e6) / 1000;
  } finally {
    for (const end of ends) await end();
  }
}

/** Of the children that have ended, and theirs. */
function childrenCpuSeconds(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  // cutime and cstime, in ticks of 10 ms.
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
