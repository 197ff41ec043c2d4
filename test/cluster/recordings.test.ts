import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { promisify } from "node:util";
import { connectKube, KubeClient } from "../../src/kube/index.ts";
import { compare } from "./compare.ts";
import { differences, leftOut, stops, usual } from "./expectations.ts";
import { type Recording, readRecordings, recordingGroups } from "./recorded-pod.ts";
import { runRecording } from "./run-recording.ts";

const run = promisify(execFile);
const kubeconfig = process.env.KUBECONFIG;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
const wanted = (process.env.OUTRIDER_RECORDINGS ?? "").split(",").filter((name) => name !== "");
const isFull = process.env.FULL === "1";

assert.ok(
  kubeconfig,
  "KUBECONFIG must name the cluster that the pods run in (npm run test:cluster starts one)",
);
const connection = await connectKube({ kubeconfig, namespace: "argo", serviceAccountDir: "/nowhere" });
const kube = new KubeClient(connection, {
  userAgent: "outrider-test",
  idleTimeoutMs: 600_000,
  transientPattern: undefined,
});
after(() => kube[Symbol.asyncDispose]());

async function kubectl(...args: string[]): Promise<string> {
  const program = join(dirname(kubeconfig ?? ""), "..", "bin", "kubectl");
  const { stdout } = await run(program, args, { maxBuffer: 1 << 26 });
  return stdout;
}

for (const group of recordingGroups) {
  describe(`recorded pods, ${group}`, { concurrency: 2 }, () => {
    for (const recording of readRecordings(group)) {
      const id = `${group}/${recording.name}`;
      const reason = leftOut[id] ?? leftOut[recording.name];
      if (!isChosen(id, recording)) continue;
      it(`${recording.name} leaves what the stock executor left`, {
        skip: reason ?? false,
        timeout: 300_000,
      }, async (t) => {
        const runs = await runRecording(kube, recording, { image, stop: stops[recording.name], kubectl });

        const found = runs.flatMap((one, index) => {
          const recorded = recording.pods[index];
          return recorded ? compare(recording, recorded, one) : [];
        });
        const expected = {
          ...differences[group],
          ...(differences[id] ?? differences[recording.name]),
        };
        for (const one of runs) t.diagnostic(`${one.name}: ${one.seconds} s`);
        for (const { what } of found)
          if (expected[what]) t.diagnostic(`differs on purpose: ${what}: ${expected[what]}`);
        assert.deepEqual(
          found.filter(({ what }) => !expected[what]),
          [],
        );
      });
    }
  });
}

function isChosen(id: string, recording: Recording): boolean {
  if (wanted.length > 0) return wanted.includes(id) || wanted.includes(recording.name);
  return isFull || usual.includes(id);
}
