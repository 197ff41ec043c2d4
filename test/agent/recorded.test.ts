import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type NodeState, namespace, openDesk, startWeb } from "./desk.ts";

interface Recording {
  readonly taskSets: Readonly<
    Record<
      string,
      readonly { readonly spec: { readonly tasks: object }; readonly status?: { readonly nodes?: Nodes } }[]
    >
  >;
}

type Nodes = Readonly<Record<string, NodeState>>;

/** A run of the stock controller and executor: the tasks, and the last thing that was said about each node. */
function readRecording(name: string): { tasks: string; nodes: Nodes } {
  const path = join(import.meta.dirname, "../fixtures/pods/legacy", `${name}.json`);
  const recording = JSON.parse(readFileSync(path, "utf8")) as Recording;
  const [states = []] = Object.values(recording.taskSets);
  const nodes = Object.assign({}, ...states.map(({ status }) => status?.nodes ?? {})) as Nodes;
  return { tasks: JSON.stringify(states[0]?.spec.tasks), nodes };
}

describe("recorded task sets", { concurrency: 4 }, () => {
  it("of HTTP templates end as they did with the stock agent", async (t) => {
    const desk = await openDesk(t);
    const data = { accesskey: Buffer.from("admin").toString("base64") };
    desk.api.create(
      { group: "", version: "v1", resource: "secrets", namespace },
      { metadata: { name: "my-minio-cred" }, data },
    );
    const { url } = await startWeb(t, async (request, response) => {
      const [, kind, argument] = (request.url ?? "").split("/");
      if (kind === "static") response.end("served over http\n");
      if (kind === "status") response.writeHead(Number(argument)).end(`status ${argument}`);
      if (kind !== "echo") return;
      const body = Buffer.concat(await request.toArray()).toString();
      // As Python's json.dumps writes it in the recording.
      const headers = `{"X-Plain": "${request.headers["x-plain"]}", "X-Secret": "${request.headers["x-secret"]}"}`;
      response.setHeader("content-type", "application/json");
      response.end(`{"body": ${JSON.stringify(body)}, "headers": ${headers}, "method": "${request.method}"}`);
    });
    const recorded = readRecording("http");
    const host = url.replace("http://", "");
    const here = (text: string) => text.replaceAll("127.0.0.1:9180", host);

    desk.createTaskSet(JSON.parse(here(recorded.tasks)));
    desk.startAgent();

    for (const [id, node] of Object.entries(recorded.nodes)) {
      assert.deepEqual(await desk.nodeState(id), JSON.parse(here(JSON.stringify(node))), id);
    }
    assert.equal(Object.keys(desk.nodes).length, 6);
  });

  it("of plugin templates end as they did with the stock agent", async (t) => {
    const desk = await openDesk(t);
    const seen = new Map<string, number>();
    const plugin = await startWeb(t, async (request, response) => {
      const { template } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      const { after = 0, fail = false } = template.plugin.demo;
      const since = seen.get(template.name) ?? Date.now();
      seen.set(template.name, since);
      await sleep(0);
      const outputs = { parameters: [{ name: "p", value: "v" }] };
      const reply = fail
        ? { node: { phase: "Failed", message: "asked to fail" } }
        : Date.now() - since < after * 1000
          ? { node: { phase: "Running", message: "not yet" }, requeue: "1s" }
          : { node: { phase: "Succeeded", message: "done", outputs } };
      response.end(JSON.stringify(reply));
    });
    const folder = join(desk.root, "var/run/argo/demo-executor-plugin");
    mkdirSync(folder);
    writeFileSync(join(folder, "token"), "t");
    const recorded = readRecording("plugin-executor");

    desk.createTaskSet(JSON.parse(recorded.tasks));
    desk.startAgent({
      env: {
        ARGO_PLUGIN_ADDRESSES: JSON.stringify([plugin.url]),
        ARGO_PLUGIN_NAMES: '["demo-executor-plugin"]',
      },
    });

    await desk.nodeState("plugin-executor-dlmm9-2797733858", ({ message }) => message === "not yet");
    for (const [id, node] of Object.entries(recorded.nodes)) {
      assert.deepEqual(await desk.nodeState(id), node, id);
    }
  });
});
