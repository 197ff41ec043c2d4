// Artifact plugins in a real kubelet: the plugin of examples/artifact-plugin in an image of its own, as users build it.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { connectCluster } from "./connect.ts";
import { garbagePluginPod, initlessPluginPod, withPluginImage } from "./plugin-pods.ts";
import { type Recording, type RecordingGroup, readRecordings } from "./recorded-pod.ts";
import { type PodRun, type RunOptions, runRecording } from "./run-recording.ts";

const kubeconfig = process.env.KUBECONFIG;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
assert.ok(kubeconfig, "KUBECONFIG must name the cluster that the pods run in");
const { kube, kubectl } = await connectCluster(kubeconfig);
after(() => kube[Symbol.asyncDispose]());

type Pod = Recording["pods"][number]["pod"];

function recordingOf(group: RecordingGroup, name: string): Recording {
  const recording = readRecordings(group).find((one) => one.name === name);
  assert.ok(recording, `${group}/${name} was recorded`);
  return recording;
}

async function run(recording: Recording, change: (pod: Pod) => Pod): Promise<PodRun> {
  const changed = change as RunOptions["change"] & {};
  const [one] = await runRecording(kube, recording, { image, stop: undefined, kubectl, change: changed });
  assert.ok(one);
  return one;
}

/** A folder of the node, where the plugin keeps artifacts; pods run as any user. */
function storeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-plugin-store-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o777);
  return folder;
}

function put(store: string, key: string, content: string): void {
  mkdirSync(dirname(join(store, key)), { recursive: true });
  writeFileSync(join(store, key), content);
  for (let path = join(store, key); path !== store; path = dirname(path)) chmodSync(path, 0o777);
}

const ended = ({ containers }: PodRun) =>
  Object.fromEntries(Object.entries(containers).map(([name, { exitCode }]) => [name, exitCode]));
const label = ({ taskResults }: PodRun) =>
  taskResults.at(-1)?.metadata.labels?.["workflows.argoproj.io/report-outputs-completed"];
const saved = ({ taskResults }: PodRun) => {
  const outputs = taskResults.at(-1)?.outputs as { artifacts?: { name: string }[] } | undefined;
  return (outputs?.artifacts ?? []).map(({ name }) => name).sort();
};

describe("pods with an artifact plugin", () => {
  it("plugin-artifact-in: an init container of the plugin's image loads the input", {
    timeout: 180_000,
  }, async (t) => {
    const recording = recordingOf("legacy", "plugin-artifact-in");
    const store = storeFolder(t);
    put(store, "demo/fixed/f", "from the plugin\n");

    const pod = await run(recording, (recorded) => withPluginImage(recorded, store));

    assert.deepEqual(ended(pod), { init: 0, "init-artifact-demo": 0, wait: 0, main: 0 }, JSON.stringify(pod));
    const lines = (await kubectl("logs", "-n", "argo", pod.name, "-c", "main")).split("\n");
    // The two streams of a container are not one after the other.
    assert.deepEqual(
      lines.filter((line) => line !== "" && !line.includes("argo=true")),
      ["from the plugin", "raw"],
    );
    assert.deepEqual([label(pod), saved(pod)], ["true", ["main-logs"]]);
  });

  it("plugin-artifact-in: says what the plugin does not have", { timeout: 180_000 }, async (t) => {
    const recording = recordingOf("legacy", "plugin-artifact-in");
    const store = storeFolder(t);

    const pod = await run(recording, (recorded) => withPluginImage(recorded, store));

    assert.equal(pod.phase, "Failed");
    assert.equal(pod.containers["init-artifact-demo"]?.exitCode, 64);
    assert.match(
      pod.containers["init-artifact-demo"]?.message ?? "",
      /^artifact f failed to load: plugin demo load failed: rpc error: code = NotFound desc = no artifact/,
    );
  });

  it("plugin-artifact-out: wait saves through the plugin's sidecar, and ends it", {
    timeout: 180_000,
  }, async (t) => {
    const recording = recordingOf("legacy", "plugin-artifact-out");
    const store = storeFolder(t);

    const pod = await run(recording, (recorded) => withPluginImage(recorded, store));

    assert.deepEqual(
      ended(pod),
      { init: 0, wait: 0, main: 0, "artifact-plugin-demo": 0 },
      JSON.stringify(pod),
    );
    assert.deepEqual([label(pod), saved(pod)], ["true", ["f", "main-logs"]]);
    const stored = readFileSync(join(store, "demo", recording.workflow, "f"));
    assert.equal(stored.readUInt16BE(0), 0x1f8b, "a tar.gz");
  });

  it("without init containers: one sidecar for inputs, outputs and the log", {
    timeout: 180_000,
  }, async (t) => {
    const recording = recordingOf("init-less", "artifact-over-input");
    const store = storeFolder(t);
    put(store, "in/x", "there\n");

    const pod = await run(recording, (recorded) => initlessPluginPod(recorded, store));

    assert.deepEqual(ended(pod), { supervisor: 0, main: 0, "artifact-plugin-demo": 0 }, JSON.stringify(pod));
    assert.equal(readFileSync(join(store, "out/y"), "utf8"), "there\nand back\n");
    assert.equal(readFileSync(join(store, "logs/main.log"), "utf8"), "there\nand back\n");
    assert.ok(existsSync(join(store, "out/y.tgz")));
    assert.deepEqual([label(pod), saved(pod)], ["true", ["main-logs", "packed", "y"]]);
  });

  it("deletes what the plugin keeps in an artifact GC pod with 64Mi, and ends the plugin", {
    timeout: 180_000,
  }, async (t) => {
    const store = storeFolder(t);
    for (const key of ["a", "dir/x", "dir/y", "kept"]) put(store, key, key);
    const recorded = recordingOf("legacy", "artifact-gc-completion");
    const location = (key: string) => ({
      plugin: { name: "demo", configuration: "root: /tmp/store", connectionTimeoutSeconds: 30, key },
    });
    const artifacts = {
      a: { name: "a", ...location("a") },
      dir: { name: "dir", ...location("dir") },
      gone: { name: "gone", ...location("gone") },
    };
    const spec = { artifactsByNode: { [recorded.workflow]: { artifacts } } };
    const gcTasks = Object.fromEntries(
      Object.entries(recorded.gcTasks ?? {}).map(([name, [task]]) => [
        name,
        task ? [{ ...task, spec, status: undefined }] : [],
      ]),
    );
    const recording = { ...recorded, gcTasks, pods: recorded.pods.slice(-1) };

    const pod = await run(recording, (gc) => garbagePluginPod(gc, store));

    assert.deepEqual(ended(pod), { init: 0, main: 0, "artifact-plugin-demo": 0 }, JSON.stringify(pod));
    const [{ status } = { status: undefined }] = pod.gcTasks;
    assert.deepEqual(status, {
      artifactResultsByNode: {
        [recorded.workflow]: {
          artifactResults: {
            a: { name: "a", success: true },
            dir: { name: "dir", success: true },
            gone: { name: "gone", success: true },
          },
        },
      },
    });
    assert.deepEqual(readdirSync(store), ["kept"]);
  });
});
