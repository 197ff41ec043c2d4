import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readRecordings } from "../cluster/recorded-pod.ts";
import { runManifest, shell, startServers } from "../pod/desk.ts";
import { pluginPython, pluginScript } from "../servers/artifact-plugin.ts";
import { garbagePod, initlessPod, storeFolder, withRealPlugin } from "./plugin-pod.ts";

const python = await pluginPython();
const skip = "missing" in python ? python.missing : false;
const program = "program" in python ? python.program : "";

function recorded(name: string): object {
  const [pod] = readRecordings("legacy").find((recording) => recording.name === name)?.pods ?? [];
  assert.ok(pod, `${name} was recorded`);
  return pod.pod;
}

/** The recorded pods reach a store of S3 at a fixed address. */
async function surround(t: TestContext) {
  const servers = await startServers(t);
  const store = await storeFolder(t);
  const atOurStore = (pod: object) =>
    JSON.parse(JSON.stringify(pod).replaceAll("127.0.0.1:9000", servers.store.endpoint)) as object;
  return { servers, store, atOurStore };
}

function put(store: string, key: string, content: string): void {
  mkdirSync(dirname(join(store, key)), { recursive: true });
  writeFileSync(join(store, key), content);
}

const plugin = (store: string, key: string) => ({
  name: "demo",
  configuration: `root: ${store}`,
  connectionTimeoutSeconds: 5,
  key,
});

describe("artifact plugins in the legacy layout", { skip, concurrency: 2 }, () => {
  it("plugin-artifact-in: loads the inputs of the plugin in its own container, and the others in init", async (t) => {
    const { servers, store, atOurStore } = await surround(t);
    put(store, "demo/fixed/f", "from the plugin\n");

    const pod = await runManifest(
      t,
      withRealPlugin(atOurStore(recorded("plugin-artifact-in")), program, store),
      servers,
    );

    assert.deepEqual(await pod.codes(), { init: 0, "init-artifact-demo": 0, wait: 0, main: 0 });
    assert.equal(pod.printed("main"), "from the plugin\nraw\n");
    assert.ok(pod.isCompleted());
  });

  it("says in the plugin's container what it could not load", async (t) => {
    const { servers, store, atOurStore } = await surround(t);

    const pod = await runManifest(
      t,
      withRealPlugin(atOurStore(recorded("plugin-artifact-in")), program, store),
      servers,
    );

    assert.deepEqual(await pod.codes(), { init: 0, "init-artifact-demo": 64 });
    assert.match(
      await pod.message("init-artifact-demo"),
      /^artifact f failed to load: plugin demo load failed: rpc error: code = NotFound desc = no artifact under demo\/fixed\/f/,
    );
  });

  it("ends at once when the plugin does, and names its exit code", async (t) => {
    const { servers, atOurStore } = await surround(t);
    const pod = JSON.stringify(atOurStore(recorded("plugin-artifact-in"))).replaceAll(
      '"--","python3",',
      '"--","sh","-c","exit 7",',
    );

    const run = await runManifest(t, JSON.parse(pod), servers);

    assert.deepEqual(await run.codes(), { init: 0, "init-artifact-demo": 64 });
    assert.match(await run.message("init-artifact-demo"), /plugin demo ended with exit code 7/);
  });

  it("says that the plugin's command cannot be started", async (t) => {
    const { servers, atOurStore } = await surround(t);
    const pod = JSON.stringify(atOurStore(recorded("plugin-artifact-in"))).replaceAll(
      '"--","python3",',
      '"--","/no/such/plugin",',
    );

    const run = await runManifest(t, JSON.parse(pod), servers);

    assert.equal((await run.codes())["init-artifact-demo"], 64);
    assert.match(
      await run.message("init-artifact-demo"),
      /the command of plugin demo cannot be started: .*ENOENT/,
    );
  });

  it("passes SIGTERM on to the plugin, and ends with a message", async (t) => {
    const { servers, atOurStore } = await surround(t);
    const script = "trap 'echo ended > /tmp/ended; exit 0' TERM; echo up; while :; do sleep 0.05; done";
    const pod = JSON.stringify(atOurStore(recorded("plugin-artifact-in"))).replaceAll(
      '"--","python3",',
      `"--","sh","-c",${JSON.stringify(script)},`,
    );
    const run = await runManifest(t, JSON.parse(pod), servers);
    while (!run.log("init-artifact-demo").includes("up")) await new Promise((done) => setTimeout(done, 10));

    run.container("init-artifact-demo").signal("SIGTERM");

    assert.equal((await run.codes())["init-artifact-demo"], 64);
    assert.match(
      await run.message("init-artifact-demo"),
      /told to end while the input artifacts of plugin demo/,
    );
    assert.ok(existsSync(run.path("init-artifact-demo", "/tmp/ended")));
  });

  for (const [how, args] of [
    ["as a stream", []],
    ["as a file of the shared folder", ["--no-streams"]],
  ] as const) {
    it(`plugin-artifact-out: saves outputs with the plugin ${how}, and ends it afterwards`, async (t) => {
      const { servers, store, atOurStore } = await surround(t);

      const pod = await runManifest(
        t,
        withRealPlugin(atOurStore(recorded("plugin-artifact-out")), program, store, ...args),
        servers,
      );

      assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0, "artifact-plugin-demo": 0 });
      assert.deepEqual(pod.saved(), ["f", "main-logs"]);
      const key = "demo/plugin-artifact-out-n5w75/f";
      assert.equal(pod.outputs().artifacts?.[0]?.plugin?.key, key);
      const stored = readFileSync(join(store, key));
      assert.equal(stored.readUInt16BE(0), 0x1f8b, "a tar.gz, as for every store");
      assert.ok(pod.isCompleted());
      const outputs = pod.path("artifact-plugin-demo", "/tmp/argo/outputs");
      assert.deepEqual(
        readdirSync(outputs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()),
        [],
      );
    });
  }

  it("reports at once when the plugin has died, and the step's other outputs all the same", async (t) => {
    const { servers, atOurStore } = await surround(t);
    const pod = JSON.stringify(atOurStore(recorded("plugin-artifact-out"))).replaceAll(
      '"--","python3",',
      '"--","sh","-c","exit 3",',
    );

    const run = await runManifest(t, JSON.parse(pod), servers);

    assert.deepEqual(await run.codes(), { init: 0, wait: 64, main: 0, "artifact-plugin-demo": 0 });
    assert.match(
      await run.message("wait"),
      /artifact f failed to save: failed to create plugin driver for demo: .*the plugin has ended with exit code 3/,
    );
    assert.deepEqual(run.saved(), ["main-logs"]);
    assert.ok(run.isCompleted());
  });
});

describe("artifact plugins in the init-less layout", { skip, concurrency: 2 }, () => {
  it("loads and saves with the plugin: a tree and back, archived and not, and the log", async (t) => {
    const { servers, store } = await surround(t);
    put(store, "in/plain", "plain\n");
    put(store, "in/tree/a/b", "deep\n");
    const template = shell(
      "cat /in/plain /in/tree/a/b; mkdir -p /out/d/sub; echo 1 > /out/d/sub/x; echo 2 > /out/d/y",
      {
        inputs: {
          artifacts: [
            { name: "plain", path: "/in/plain", plugin: plugin(store, "in/plain") },
            { name: "tree", path: "/in/tree", plugin: plugin(store, "in/tree") },
            { name: "raw", path: "/in/raw", raw: { data: "raw" } },
          ],
        },
        outputs: {
          artifacts: [
            { name: "packed", path: "/out/d", plugin: plugin(store, "out/packed.tgz") },
            { name: "tree", path: "/out/d", archive: { none: {} }, plugin: plugin(store, "out/tree") },
            { name: "file", path: "/out/d/y", archive: { none: {} }, plugin: plugin(store, "out/file") },
          ],
        },
        archiveLocation: { archiveLogs: true, plugin: plugin(store, "logs") },
      },
    );

    const manifest = initlessPod(template, {
      servers,
      command: [program, pluginScript],
      inputPlugins: "demo",
    });
    const pod = await runManifest(t, manifest, servers);

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0, "artifact-plugin-demo": 0 });
    assert.equal(pod.printed("main"), "plain\ndeep\n");
    assert.deepEqual([...pod.saved()].sort(), ["file", "main-logs", "packed", "tree"]);
    assert.equal(readFileSync(join(store, "out/tree/sub/x"), "utf8"), "1\n");
    assert.equal(readFileSync(join(store, "out/file"), "utf8"), "2\n");
    assert.equal(readFileSync(join(store, "logs/main.log"), "utf8"), "plain\ndeep\n");
    assert.equal(readFileSync(join(store, "out/packed.tgz")).readUInt16BE(0), 0x1f8b);
  });

  for (const [how, args] of [
    ["is kept whole with a plugin that takes streams", []],
    ["is cut with a plugin that takes files only, which would lie on the disk once more", ["--no-streams"]],
  ] as const) {
    it(`R32: a log that is larger than its share ${how}`, async (t) => {
      const { servers, store } = await surround(t);
      const resources = { limits: { "ephemeral-storage": "4Mi" } };
      const template = shell("seq -f %08.0f 400000", {
        container: { resources },
        archiveLocation: { archiveLogs: true, plugin: plugin(store, "logs") },
      });

      const manifest = initlessPod(template, { servers, command: [program, pluginScript, ...args] });
      const pod = await runManifest(t, manifest, servers);

      assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0, "artifact-plugin-demo": 0 });
      assert.deepEqual(readdirSync(join(store, "logs")), ["main.log"], "no part is left");
      const log = readFileSync(join(store, "logs/main.log"), "utf8");
      if (args.length === 0) {
        assert.equal(log.length, 9 * 400_000);
        assert.ok(log.startsWith("00000001\n00000002\n") && log.endsWith("00400000\n"));
        assert.match(pod.log("supervisor"), /main\.log\.from-\d+/);
      } else {
        assert.match(log, /^argoexec: the first \d+ bytes of this log were left out/);
        assert.match(pod.log("supervisor"), /plugin demo takes files only/);
      }
    });
  }

  it("unpacks what a plugin brings as it does with every store", async (t) => {
    const { servers, store } = await surround(t);
    const first = shell("mkdir /o; echo there and back > /o/f", {
      outputs: { artifacts: [{ name: "o", path: "/o", plugin: plugin(store, "o.tgz") }] },
    });
    const one = await runManifest(
      t,
      initlessPod(first, { servers, command: [program, pluginScript] }),
      servers,
    );
    await one.ended;

    const second = shell("cat /i/f", {
      inputs: { artifacts: [{ name: "o", path: "/i", plugin: plugin(store, "o.tgz") }] },
    });
    const manifest = initlessPod(second, { servers, command: [program, pluginScript], inputPlugins: "demo" });
    const two = await runManifest(t, manifest, servers);

    assert.deepEqual(await two.codes(), { supervisor: 0, main: 0, "artifact-plugin-demo": 0 });
    assert.equal(two.printed("main"), "there and back\n");
  });

  it("ends main with 65 and the plugin's reason when an input is missing; an optional one may be", async (t) => {
    const { servers, store } = await surround(t);
    const input = { name: "x", path: "/in/x", plugin: plugin(store, "nothing/here") };
    const command = [program, pluginScript];

    const missing = shell("echo never", { inputs: { artifacts: [input] } });
    const required = await runManifest(
      t,
      initlessPod(missing, { servers, command, inputPlugins: "demo" }),
      servers,
    );
    const optional = shell("test ! -e /in/x", { inputs: { artifacts: [{ ...input, optional: true }] } });
    const without = await runManifest(
      t,
      initlessPod(optional, { servers, command, inputPlugins: "demo" }),
      servers,
    );

    assert.deepEqual(await required.codes(), { supervisor: 64, main: 65, "artifact-plugin-demo": 0 });
    assert.match(
      await required.message("supervisor"),
      /^failed to load input artifacts from plugin "demo": artifact x failed to load: plugin demo load failed: /,
    );
    assert.deepEqual(await without.codes(), { supervisor: 0, main: 0, "artifact-plugin-demo": 0 });
  });
});

describe("artifact garbage collection through a plugin", { skip }, () => {
  it("deletes what the plugin keeps, reports each, and ends the plugin", async (t) => {
    const { servers, store } = await surround(t);
    for (const key of ["a", "dir/x", "dir/y", "kept"]) put(store, key, key);
    const task = {
      group: "argoproj.io",
      version: "v1alpha1",
      resource: "workflowartifactgctasks",
      namespace: "argo",
    };
    const artifacts = {
      a: { name: "a", plugin: plugin(store, "a") },
      dir: { name: "dir", plugin: plugin(store, "dir") },
      gone: { name: "gone", plugin: plugin(store, "gone") },
      outside: { name: "outside", plugin: plugin(store, "../../etc/passwd") },
    };
    servers.api.create(task, {
      metadata: { name: "task-0", labels: { "workflows.argoproj.io/artifact-gc-pod": "77" } },
      spec: { artifactsByNode: { "node-1": { artifacts } } },
    });

    const pod = await runManifest(t, garbagePod("77", [program, pluginScript]), servers);

    assert.deepEqual(await pod.codes(), { init: 0, main: 0, "artifact-plugin-demo": 0 });
    const { status } = servers.api.find({ ...task, name: "task-0" }) as {
      status?: {
        artifactResultsByNode: Record<string, { artifactResults: Record<string, { error?: string }> }>;
      };
    };
    const results = status?.artifactResultsByNode["node-1"]?.artifactResults ?? {};
    assert.deepEqual(Object.keys(results).sort(), ["a", "dir", "gone", "outside"]);
    assert.match(results.outside?.error ?? "", /plugin demo delete failed: key '.*' leads out of/);
    assert.deepEqual(results.a, { name: "a", success: true });
    assert.deepEqual(readdirSync(store), ["kept"]);
  });
});
