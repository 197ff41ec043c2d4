// What each role loads of the project and of packages, as processes of the sources that note every file.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readRecordings } from "../cluster/recorded-pod.ts";
import { garbagePod, initlessPod, storeFolder, withRealPlugin } from "../plugins/plugin-pod.ts";
import { type MainDesk, manifest, openDesk } from "../resource/desk.ts";
import { pluginPython, pluginScript } from "../servers/artifact-plugin.ts";
import { location, putObject, runManifest, shell, startPod, startServers } from "./desk.ts";
import { areasOf, ListingInstallation } from "./listing-installation.ts";
import { secrets } from "./servers.ts";

const python = await pluginPython();
const noPlugin = "missing" in python ? python.missing : false;
const plugin = "program" in python ? [python.program, pluginScript] : [];

async function listing(t: TestContext) {
  const installation = new ListingInstallation(t);
  const servers = { ...(await startServers(t)), program: installation.program };
  return { installation, servers };
}

const withoutLogs = { archiveLocation: { archiveLogs: false } };
const s3Areas = ["addon", "artifacts", "drivers/s3", "transfer"];

describe("what a container loads", { concurrency: 2 }, () => {
  it("a step without artifacts: nothing that knows of artifacts; init and the emissary start no Node at all", async (t) => {
    const { installation, servers } = await listing(t);

    const pod = await startPod(t, shell("true", withoutLogs), { servers });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(installation.loadedByRole, {
      wait: ["addon", "archive", "http", "kube", "outputs", "wait"],
    });
  });

  it("the same without init containers", async (t) => {
    const { installation, servers } = await listing(t);

    const pod = await startPod(t, shell("true", withoutLogs), { servers, isInitless: true });

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0 });
    assert.deepEqual(installation.loadedByRole, {
      supervisor: ["addon", "archive", "http", "kube", "outputs", "supervisor", "wait"],
    });
  });

  it("a step with artifacts in S3: that driver and no other, no package", async (t) => {
    const { installation, servers } = await listing(t);
    await putObject(servers, "in", "from the store");
    const template = shell("cat /in/x > /tmp/out", {
      inputs: { artifacts: [{ name: "x", path: "/in/x", s3: { key: "in" } }] },
      outputs: { artifacts: [{ name: "out", path: "/tmp/out" }] },
    });

    const pod = await startPod(t, template, { servers });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(installation.loadedByRole, {
      init: [...s3Areas, "archive", "http", "init", "inputs"].sort(),
      wait: [...s3Areas, "archive", "http", "kube", "outputs", "wait"].sort(),
    });
  });

  it("a step whose output goes to an artifact plugin: the client of plugins and gRPC, of stores none", {
    skip: noPlugin,
  }, async (t) => {
    const { installation, servers } = await listing(t);
    const location = { name: "demo", configuration: `root: ${await storeFolder(t)}`, key: "o" };
    const template = shell("echo out > /tmp/o", {
      outputs: { artifacts: [{ name: "o", path: "/tmp/o", plugin: location }] },
      ...withoutLogs,
    });

    const pod = await runManifest(t, initlessPod(template, { servers, command: plugin }), servers);

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0, "artifact-plugin-demo": 0 });
    // The sidecar of the plugin is the static program, too: no Node but the supervisor's.
    assert.deepEqual(installation.loadedByRole, {
      supervisor: [
        ...["addon", "archive", "artifacts", "drivers/plugin", "grpc", "http", "inputs", "kube"],
        ...["outputs", "supervisor", "transfer", "wait"],
      ],
    });
  });

  it("an input of an artifact plugin: in the plugin's container nothing that knows the API server or a store", {
    skip: noPlugin,
  }, async (t) => {
    const { installation, servers } = await listing(t);
    const [recorded] = readRecordings("legacy").find(({ name }) => name === "plugin-artifact-in")?.pods ?? [];
    const at = JSON.stringify(recorded?.pod).replaceAll("127.0.0.1:9000", servers.store.endpoint);
    const store = await storeFolder(t);

    const pod = await runManifest(t, withRealPlugin(JSON.parse(at), plugin[0] ?? "", store), servers);

    // Nothing is stored: what is loaded to find that out is all that there is to load.
    assert.equal((await pod.codes())["init-artifact-demo"], 64);
    assert.deepEqual(installation.loadedByRole["artifact-plugin-init"], [
      ...[
        "addon",
        "archive",
        "artifact-plugin-init",
        "artifacts",
        "drivers/plugin",
        "grpc",
        "http",
        "inputs",
        "transfer",
      ],
    ]);
  });

  it("garbage collection: what deletes, and no plugin's client for a store of ours", async (t) => {
    const { installation, servers } = await listing(t);
    const task = { group: "argoproj.io", version: "v1alpha1", resource: "workflowartifactgctasks" };
    const artifact = { name: "a", s3: { ...location(servers.store), key: "gone" } };
    servers.api.create(
      { ...task, namespace: "argo" },
      {
        metadata: { name: "task", labels: { "workflows.argoproj.io/artifact-gc-pod": "1" } },
        spec: { artifactsByNode: { node: { artifacts: { a: artifact } } } },
      },
    );

    const pod = await runManifest(t, garbagePod("1", ["sleep", "600"]), servers);

    assert.equal((await pod.codes()).main, 0);
    assert.deepEqual(installation.loadedByRole.artifact, [
      ...["addon", "artifact-delete", "artifacts", "drivers/s3", "http", "kube", "transfer"],
    ]);
  });
});

/** A main container or an agent, run to its end. */
async function loadedBy(
  desk: MainDesk,
  args: readonly string[],
  template: object,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  rmSync(join(desk.root, "loaded"), { force: true });
  const { code, log } = await desk.start(args, template, env).ended;
  assert.equal(code, 0, log);
  return areasOf(desk.loaded);
}

const languagesOf = (areas: readonly string[]) =>
  areas.filter((area) => /^languages\/(expr|jq|gjson|labels|jsonpath)$/.test(area));

/** expr and jq bring RE2 and what they share with them. */
const withoutLanguages = (areas: readonly string[]) =>
  areas.filter((area) => !area.startsWith("languages/") && area !== "re2js");

async function deskWithStore(t: TestContext) {
  const servers = await startServers(t);
  await putObject(servers, "in/a", "a");
  const desk = await openDesk(t);
  desk.configMap("c", { state: "new" });
  for (const [name, values] of Object.entries(secrets)) {
    for (const [key, value] of Object.entries(values)) desk.file(`argo/secret/${name}/${key}`, value);
  }
  return { desk, s3: location(servers.store) };
}

describe("what the other roles load", { concurrency: 2 }, () => {
  it("data: the language only where there is an expression", async (t) => {
    const { desk, s3 } = await deskWithStore(t);
    const source = { artifactPaths: { s3: { ...s3, key: "in" } } };
    const areas = [...s3Areas, "data", "http", "kube"];

    assert.deepEqual(await loadedBy(desk, ["data", "{}"], { data: { source } }), [...areas].sort());
    const transformation = [{ expression: "len(data)" }];
    const loaded = await loadedBy(desk, ["data", "{}"], { data: { source, transformation } });
    assert.deepEqual(withoutLanguages(loaded), [...areas].sort());
    assert.deepEqual(languagesOf(loaded), ["languages/expr"]);
  });

  it("resource: YAML, labels, jsonPath and jq each where the template needs it", async (t) => {
    const { desk } = await deskWithStore(t);
    const get = (resource: object, valueFrom?: object) =>
      loadedBy(desk, ["resource", "get"], {
        resource: { action: "get", ...resource },
        ...(valueFrom ? { outputs: { parameters: [{ name: "p", valueFrom }] } } : {}),
      });
    const flags = { flags: ["configmap", "c"] };

    assert.deepEqual(await get(flags), ["http", "kube", "resource"]);
    assert.deepEqual(await get({ manifest: manifest("c") }), ["http", "kube", "resource"]);
    const anchored = `${manifest("c")}more: &anchor {}\n`;
    assert.deepEqual(await get({ manifest: anchored }), ["http", "kube", "resource", "yaml"]);
    assert.deepEqual(languagesOf(await get(flags, { jsonPath: "{.data}" })), ["languages/jsonpath"]);
    assert.deepEqual(languagesOf(await get(flags, { jqFilter: ".data" })), ["languages/jq"]);
    assert.deepEqual(languagesOf(await get({ ...flags, successCondition: "data.state == new" })), [
      "languages/gjson",
      "languages/labels",
    ]);
  });

  it("agent: expr only where a task has a condition, HTTP/2 never for a server without it", async (t) => {
    for (const successCondition of [undefined, "response.statusCode == 404"]) {
      const { desk, s3 } = await deskWithStore(t);
      const http = {
        url: `http://${s3.endpoint}/nothing/here`,
        ...(successCondition ? { successCondition } : {}),
      };
      const sets = {
        group: "argoproj.io",
        version: "v1alpha1",
        resource: "workflowtasksets",
        namespace: "argo",
      };
      desk.api.create(sets, { metadata: { name: "wf" }, spec: { tasks: { one: { name: "t", http } } } });
      const running = desk.start(["agent", "main"], {});
      const isDone = (object: object) => JSON.stringify(object).includes('"phase"');
      await desk.api.waitForState({ ...sets, name: "wf" }, isDone, AbortSignal.timeout(30_000));

      running.stop();

      assert.equal((await running.ended).code, 0);
      const loaded = areasOf(desk.loaded);
      assert.deepEqual(withoutLanguages(loaded), ["agent", "http", "kube"]);
      assert.deepEqual(languagesOf(loaded), successCondition ? ["languages/expr"] : []);
    }
  });

  it("none of them anything that records or sends spans, unless an endpoint says where to", async (t) => {
    const { desk } = await deskWithStore(t);
    const template = { resource: { action: "get", flags: ["configmap", "c"] } };
    const parent = { TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };

    const off = await loadedBy(desk, ["resource", "get"], template, parent);
    const on = await loadedBy(desk, ["resource", "get"], template, {
      ...parent,
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    });

    assert.deepEqual(off, ["http", "kube", "resource"]);
    assert.ok(on.includes("tracing") && on.some((area) => area.startsWith("@opentelemetry/")));
  });
});
