import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Pod } from "../../desk/kubelet/index.ts";
import {
  type RecordedPod,
  type Recording,
  readRecordings,
  recordingGroups,
} from "../cluster/recorded-pod.ts";
import { runManifest, startServers, type TestPod } from "./desk.ts";

/** Pods that a stock controller made, which need nothing but a shell. */
const names = [
  "artifact-dir-none",
  "artifact-dir-tar-level0",
  "artifact-dir-tgz",
  "artifact-dir-zip",
  "artifact-file",
  "artifact-over-input",
  "artifact-s3-custom-key",
  "command-not-found",
  "container-set",
  "container-set-failure",
  "fail-exit-3",
  "hello",
  "input-missing",
  "input-optional-missing",
  "output-missing",
  "output-optional-missing",
  "output-partial-failure",
  "parameter-missing",
  "parameters",
  "retry-artifacts",
  "user-init-container",
  "volumes-overlap",
  "workdir-input",
];

const endpoint = "127.0.0.1:9000";

describe("a recorded pod ends here as it did in the cluster", { concurrency: 2 }, () => {
  for (const group of recordingGroups) {
    const recordings = new Map(readRecordings(group).map((recording) => [recording.name, recording]));
    for (const name of names) {
      const recording = recordings.get(name);
      if (!recording) continue;
      it(`${group}: ${name}`, async (t) => {
        const servers = await startServers(t);
        for (const recorded of recording.pods) {
          const pod = await runManifest(t, adapt(recorded, servers.store.endpoint), servers);
          await compareEnd(recording, recorded, pod);
        }
      });
    }
  }
});

/** The pod with our store; its deadline has passed by now, and none of these tests is about that. */
function adapt({ pod }: RecordedPod, storeEndpoint: string): Pod {
  const json = JSON.stringify(pod)
    .replaceAll(endpoint, storeEndpoint)
    .replaceAll(
      /"name":"ARGO_DEADLINE","value":"[^"]*"/g,
      '"name":"ARGO_DEADLINE","value":"0001-01-01T00:00:00Z"',
    );
  return JSON.parse(json) as Pod;
}

async function compareEnd(recording: Recording, recorded: RecordedPod, pod: TestPod): Promise<void> {
  const expected = Object.entries(recorded.observed.containers).flatMap(([name, { exitCode }]) =>
    exitCode === undefined ? [] : [[name, exitCodeOfOurs(recording, name, exitCode)] as const],
  );
  assert.deepEqual(await pod.codes(), Object.fromEntries(expected));
  const states = recording.taskResults[pod.nodeId] ?? [];
  assert.deepEqual(pod.taskResult()?.outputs, states.at(-1)?.outputs);
  if (states.length > 0) assert.ok(pod.isCompleted());
}

/** The executor of 3.5 ended its own failures with 1; its controller takes 64 as well (docs/contract/pod.md#1.2). */
function exitCodeOfOurs({ group }: Recording, container: string, recorded: number): number {
  return group.startsWith("v3.5.") && container !== "main" && recorded === 1 ? 64 : recorded;
}
