// Resource pods in the layout of which there are no recordings, and what becomes of an object while a step waits for it.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compare } from "./compare.ts";
import { connectCluster } from "./connect.ts";
import { initlessRecord, initlessResource } from "./initless-resource.ts";
import { type Recording, readRecordings } from "./recorded-pod.ts";
import { type PodRun, type RunOptions, runRecording } from "./run-recording.ts";

const kubeconfig = process.env.KUBECONFIG;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
assert.ok(kubeconfig, "KUBECONFIG must name the cluster that the pods run in");
const { kube, kubectl } = await connectCluster(kubeconfig);
after(() => kube[Symbol.asyncDispose]());
const never = new AbortController().signal;

function recordingOf(name: string): Recording {
  const recording = readRecordings("legacy").find((one) => one.name === name);
  assert.ok(recording, `${name} was recorded`);
  return recording;
}

function run(recording: Recording, change: (pod: Pod) => Pod): Promise<PodRun[]> {
  return runRecording(kube, recording, {
    image,
    stop: undefined,
    kubectl,
    change: change as RunOptions["change"] & {},
  });
}

type Pod = Recording["pods"][number]["pod"];

describe("resource pods without init containers", () => {
  for (const name of ["resource-create-wait", "resource-failure"]) {
    it(`${name} leaves what it leaves with them, where a supervisor archives the log`, {
      timeout: 300_000,
    }, async () => {
      const recording = initlessRecord(recordingOf(name), true);

      const runs = await run(recording, (pod) => initlessResource(pod, { image, archivesLogs: true }));

      const found = runs.flatMap((one, index) => {
        const recorded = recording.pods[index];
        return recorded ? compare(recording, recorded, one) : [];
      });
      assert.deepEqual(found, []);
    });

    it(`${name} needs no container but main where no log is archived`, { timeout: 300_000 }, async () => {
      const recording = initlessRecord(recordingOf(name), false);

      const runs = await run(recording, (pod) => initlessResource(pod, { image, archivesLogs: false }));

      for (const [index, { containers, taskResults }] of runs.entries()) {
        const recorded = recording.pods[index];
        const nodeId = recorded?.pod.metadata.annotations?.["workflows.argoproj.io/node-id"] ?? "";
        const { artifacts: _, ...outputs } = (recording.taskResults[nodeId]?.at(-1)?.outputs ?? {}) as Record<
          string,
          unknown
        >;
        assert.deepEqual(containers, recorded?.observed.containers);
        assert.deepEqual(taskResults.at(-1)?.outputs ?? {}, outputs);
        const labels = taskResults.at(-1)?.metadata.labels;
        assert.equal(labels?.["workflows.argoproj.io/report-outputs-completed"], "true");
        assert.equal(taskResults.at(0)?.outputs, undefined, "made before anything was done");
      }
    });
  }

  it("takes its manifest from an artifact that the supervisor loads", { timeout: 180_000 }, async () => {
    const recording = recordingOf("resource-create-wait");
    const [made] = initlessRecord(recording, false).pods;
    assert.ok(made);
    const only = { ...recording, pods: [made] };

    const [one] = await run(only, (pod) =>
      fromArtifact(initlessResource(pod, { image, archivesLogs: true })),
    );

    assert.ok(one);
    assert.equal(one.phase, "Succeeded", JSON.stringify(one.containers));
    const outputs = one.taskResults.at(-1)?.outputs as
      | { parameters?: { name: string; value: string }[] }
      | undefined;
    assert.deepEqual(
      outputs?.parameters?.map(({ name, value }) => [name, value]),
      [
        ["colour", "green"],
        ["count", "4"],
      ],
    );
    await kubectl("delete", "configmap", "-n", "argo", `made-${recording.workflow}`);
  });
});

/** The manifest as an input artifact of the template, and the volume that the controller mounts for it. */
function fromArtifact(pod: Pod): Pod {
  const inputs = { name: "input-artifacts", mountPath: "/argo/inputs/artifacts" };
  const containers = pod.spec.containers.map((container) => ({
    ...container,
    volumeMounts: [
      ...((container as { volumeMounts?: object[] }).volumeMounts ?? []),
      inputs,
      ...(container.name === "supervisor" ? [{ ...inputs, mountPath: `/mainctrfs${inputs.mountPath}` }] : []),
    ],
    env: container.env?.map(({ value, ...variable }) => {
      if (variable.name !== "ARGO_TEMPLATE") return value === undefined ? variable : { ...variable, value };
      const { resource, ...template } = JSON.parse(value ?? "{}") as { resource: { manifest: string } };
      const { manifest, ...rest } = resource;
      const artifact = { name: "manifest", path: "/tmp/in/manifest.yaml", raw: { data: manifest } };
      const changed = {
        ...template,
        inputs: { artifacts: [artifact] },
        resource: { ...rest, manifestFrom: { artifact: { name: "manifest" } } },
      };
      return { ...variable, value: JSON.stringify(changed) };
    }),
  }));
  const volumes = [...(pod.spec.volumes ?? []), { name: "input-artifacts", emptyDir: {} }];
  return { ...pod, spec: { ...pod.spec, containers, volumes } } as Pod;
}

describe("an object that a step waits for", () => {
  it("ends the step within moments of the condition, with no read in between", {
    timeout: 180_000,
  }, async (t) => {
    const { name, waits } = waitingPod();
    const ending = run(waits, (pod) => pod);
    await untilThere(name);

    await kubectl("patch", "configmap", "-n", "argo", name, "-p", '{"data":{"state":"ready"}}');
    const changed = Date.now();

    const [one] = await ending;
    assert.equal(one?.phase, "Succeeded", JSON.stringify(one?.containers));
    t.diagnostic(
      `${Date.now() - changed} ms from the condition to the end of the pod, as the API server shows it`,
    );
    await kubectl("delete", "configmap", "-n", "argo", name);
  });

  it("fails the step when it is deleted, in the server's words", { timeout: 180_000 }, async () => {
    const { name, waits } = waitingPod();
    const ending = run(waits, (pod) => pod);
    await untilThere(name);

    await kubectl("delete", "configmap", "-n", "argo", name);

    const [one] = await ending;
    assert.deepEqual(one?.containers.main, {
      exitCode: 64,
      reason: "Error",
      message:
        "The resource has been deleted while its status was still being checked. Will not be retried: " +
        `configmaps "${name}" not found`,
    });
  });
});

/** The recorded step that waits for a ConfigMap, without the deadline that was over long ago. */
function waitingPod(): { readonly name: string; readonly waits: Recording } {
  const recording = recordingOf("resource-watch");
  const [waits] = recording.pods;
  assert.ok(waits);
  const text = JSON.stringify(waits).replaceAll(/20\d\d-[\d-]+T[\d:]+Z/g, "0001-01-01T00:00:00Z");
  const { pod, observed } = JSON.parse(text) as typeof waits;
  const { activeDeadlineSeconds: _, ...spec } = pod.spec as Pod["spec"] & { activeDeadlineSeconds?: number };
  return {
    name: `state-${recording.workflow}`,
    waits: { ...recording, pods: [{ pod: { ...pod, spec }, observed }] },
  };
}

/** Until the step has made the object, and time to begin its watch: what happens before that, its read shows. */
async function untilThere(name: string): Promise<void> {
  const path = `/api/v1/namespaces/argo/configmaps/${name}`;
  for (;;) {
    const found = await kube.request({ method: "GET", path }, never).catch(() => undefined);
    if (found !== undefined) return;
    await sleep(50);
  }
}
