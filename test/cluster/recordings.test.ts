import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { compare } from "./compare.ts";
import { connectCluster } from "./connect.ts";
import { differences, leftOut, stops, usual } from "./expectations.ts";
import { type Recording, readRecordings, recordingGroups } from "./recorded-pod.ts";
import { runRecording } from "./run-recording.ts";

const kubeconfig = process.env.KUBECONFIG;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
const wanted = (process.env.OUTRIDER_RECORDINGS ?? "").split(",").filter((name) => name !== "");
const isFull = process.env.FULL === "1";

assert.ok(
  kubeconfig,
  "KUBECONFIG must name the cluster that the pods run in (npm run test:cluster starts one)",
);
const { kube, kubectl } = await connectCluster(kubeconfig);
after(() => kube[Symbol.asyncDispose]());

for (const group of recordingGroups) {
  describe(`recorded pods, ${group}`, { concurrency: 2 }, () => {
    for (const recording of readRecordings(group)) {
      const id = `${group}/${recording.name}`;
      const reason = leftOut[id] ?? leftOut[recording.name];
      if (!isChosen(id, recording)) continue;
      it(`${recording.name} leaves what the stock executor left`, {
        skip: reason ?? false,
        // One pod after the other; each may take as long as it does on a machine that is busy.
        timeout: 120_000 + recording.pods.length * 180_000,
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
