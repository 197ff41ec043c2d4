import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { putObject, shell, startPod, startServers } from "./desk.ts";

const isInitless = true;

describe("the init-less layout", { concurrency: 2 }, () => {
  it("loads inputs while main waits, and saves its outputs", async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "in", "from the store\n");
    servers.store.addFault({ kind: "delay", ms: 500, match: { method: "GET" } });
    const pod = await startPod(
      t,
      shell("cat /in/x; echo out > /tmp/out; echo p > /tmp/p", {
        inputs: { artifacts: [{ name: "x", path: "/in/x", s3: { key: "in" } }] },
        outputs: {
          artifacts: [{ name: "out", path: "/tmp/out" }],
          parameters: [{ name: "p", valueFrom: { path: "/tmp/p" } }],
        },
      }),
      { servers, isInitless, readsResult: true },
    );

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0 });
    assert.equal(pod.outputs().result, "from the store");
    assert.deepEqual(pod.parameters(), { p: "p" });
    assert.deepEqual(await pod.unpacked("out"), { out: "out\n" });
    assert.equal(readFileSync(pod.path("main", "/var/run/argo/status"), "utf8"), "READY\n");
  });

  it("runs a script", async (t) => {
    const template = { script: { image: "busybox", command: ["sh"], source: "echo a result" } };
    const pod = await startPod(t, template, { isInitless });

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0 });
    assert.equal(pod.outputs().result, "a result");
  });

  it("ends main with 65 and the supervisor's reason when an input is missing", async (t) => {
    const pod = await startPod(
      t,
      shell("echo never", {
        inputs: { artifacts: [{ name: "x", path: "/in/x", s3: { key: "not/there" } }] },
      }),
      { isInitless },
    );

    assert.deepEqual(await pod.codes(), { supervisor: 64, main: 65 });
    const reason = "failed to load non-plugin input artifacts: artifact x failed to load: ";
    assert.ok((await pod.message("supervisor")).startsWith(reason), await pod.message("supervisor"));
    assert.ok((await pod.message("main")).startsWith(`supervisor reported pre-main failure: ${reason}`));
    assert.deepEqual(pod.outputs(), {});
    assert.ok(pod.isCompleted());
  });

  it("does not start main without the inputs of a plugin that the pod has no container for", async (t) => {
    const plugin = { name: "acme", configuration: "c", key: "k" };
    const input = { name: "x", path: "/in/x", plugin };
    const pod = await startPod(t, shell("echo never", { inputs: { artifacts: [input] } }), {
      isInitless,
      executorEnv: { ARGO_INPUT_ARTIFACT_PLUGIN_NAMES: "acme" },
    });

    assert.deepEqual(await pod.codes(), { supervisor: 64, main: 65 });
    const reason = 'failed to load input artifacts from plugin "acme": artifact x failed to load: ';
    assert.ok((await pod.message("supervisor")).startsWith(reason), await pod.message("supervisor"));
    assert.match(await pod.message("supervisor"), /this container shares no folder with the plugin/);
    assert.ok(pod.isCompleted());
  });

  it("refuses an input that would replace a parent of a user volume, and says which", async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "in", "x");
    const template = shell("echo never", {
      volumes: [{ name: "work", emptyDir: {} }],
      inputs: { artifacts: [{ name: "x", path: "/work/deep", s3: { key: "in" } }] },
    });
    const container = { ...template.container, volumeMounts: [{ name: "work", mountPath: "/work/deep/er" }] };
    const pod = await startPod(t, { ...template, container }, { servers, isInitless });

    assert.equal((await pod.codes()).main, 65);
    assert.match(
      await pod.message("main"),
      /refusing to stage input artifact "x" at \/work\/deep: it resolves to/,
    );
    assert.deepEqual(pod.outputs().artifacts ?? [], []);
    assert.ok(pod.isCompleted());
  });

  it("keeps sidecars waiting until the supervisor is ready, and ends them after main", async (t) => {
    const pod = await startPod(
      t,
      shell("sleep 0.3; echo main", {
        sidecars: [
          {
            name: "side",
            image: "busybox",
            command: ["sh", "-c"],
            args: ["exec 2>/dev/null; trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"],
          },
        ],
      }),
      { isInitless, gracePeriodSeconds: 2 },
    );

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0, side: 0 });
    assert.equal(pod.printed("side"), "up\nbye\n");
  });

  it("R1: sees that main was killed, and saves the log", async (t) => {
    const pod = await startPod(t, shell("echo going; sleep 60"), { isInitless });
    await pod.waitForState(() => true);

    pod.container("main").killAll();

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 137 });
    assert.ok(pod.isCompleted());
  });

  it("R19: places an input at the working directory", async (t) => {
    const servers = await startServers(t);
    const make = await startPod(
      t,
      shell("mkdir -p /o/src; echo code > /o/src/file", {
        outputs: { artifacts: [{ name: "src", path: "/o/src" }] },
      }),
      { servers, isInitless },
    );
    await make.ended;
    const [src] = make.outputs().artifacts ?? [];

    const pod = await startPod(
      t,
      shell("cat file", {
        container: { workingDir: "/src" },
        inputs: { artifacts: [{ ...src, name: "src", path: "/src" }] },
      }),
      { servers, isInitless },
    );

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0 });
    assert.equal(pod.printed("main"), "code\n");
  });
});
