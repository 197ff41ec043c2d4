import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type AgentDesk, mainScript, namespace, openDesk, startWeb, workflow, workflowUid } from "./desk.ts";

interface Call {
  readonly body: { readonly template: { readonly plugin: Readonly<Record<string, unknown>> } };
  readonly authorization: string | undefined;
  readonly atMs: number;
}

type Answer = { readonly status?: number; readonly body: string };

/** A plugin's server: `answer` gets the selector's value of each call. */
async function startPlugin(t: TestContext, answer: (value: never, count: number) => Answer) {
  const calls: Call[] = [];
  const counts = new Map<string, number>();
  const web = await startWeb(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Call["body"];
    assert.equal(Number(request.headers["content-length"]), Buffer.concat(chunks).length);
    calls.push({ body, authorization: request.headers.authorization, atMs: Date.now() });
    const [value] = Object.values(body.template.plugin);
    const key = JSON.stringify(body.template);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    const { status = 200, body: text } = answer(value as never, counts.get(key) ?? 0);
    response.writeHead(status).end(text);
  });
  return { ...web, calls };
}

function pluginEnv(desk: AgentDesk, urls: readonly string[]) {
  const names = urls.map((_, index) => `plugin-${index}`);
  for (const name of names) {
    mkdirSync(join(desk.root, "var/run/argo", name));
    writeFileSync(join(desk.root, "var/run/argo", name, "token"), `token-of-${name}`);
  }
  return { ARGO_PLUGIN_ADDRESSES: JSON.stringify(urls), ARGO_PLUGIN_NAMES: JSON.stringify(names) };
}

const pluginTask = (value: unknown, name = "t") => ({ name, plugin: { demo: value } });

describe("plugin templates", { concurrency: 4 }, () => {
  it("are asked of each plugin in order, with its token and the whole template", async (t) => {
    const desk = await openDesk(t);
    const none = await startPlugin(t, () => ({ status: 404, body: "" }));
    const declines = await startPlugin(t, () => ({ body: "{}" }));
    const takes = await startPlugin(t, () => ({ body: '{"node":{"phase":"Succeeded","message":"done"}}' }));
    desk.createTaskSet({ a: pluginTask(1) });
    desk.startAgent({ env: pluginEnv(desk, [none.url, declines.url, takes.url]) });
    assert.deepEqual(await desk.nodeState("a"), { phase: "Succeeded", message: "done" });

    await desk.addTasks({ b: pluginTask(2) });
    await desk.nodeState("b");

    assert.equal(none.calls.length, 1, "404 means: never ask again");
    assert.deepEqual(takes.calls[0]?.body, {
      workflow: { metadata: { name: workflow, namespace, uid: workflowUid } },
      template: { inputs: {}, outputs: {}, metadata: {}, name: "t", plugin: { demo: 1 } },
    });
    assert.equal(takes.calls[0]?.authorization, "Bearer token-of-plugin-2");
  });

  it("end as the reply says", async (t) => {
    const desk = await openDesk(t);
    // A reply that was cut off is asked for again.
    const plugin = await startPlugin(t, (answer: Answer, count) =>
      answer.body.startsWith("{") && answer.body.endsWith('"') && count > 1
        ? { body: `${answer.body}}}` }
        : answer,
    );
    const reply = (value: unknown, status = 200) =>
      pluginTask({ status, body: JSON.stringify(value) }, `${Math.random()}`);

    desk.createTaskSet({
      declined: reply(null),
      requeueOnly: reply({ requeue: "1s" }),
      failed: reply({ node: { phase: "Failed", message: "no" }, requeue: "1ms" }),
      phaseless: reply({ node: {} }),
      wrong: reply({ node: { phase: "Succeeded" }, requeue: 5 }),
      status: reply("sorry", 500),
      created: reply({ node: { phase: "Succeeded" } }, 201),
      empty: pluginTask({ body: "" }, "empty"),
      html: pluginTask({ body: "<html>" }, "html"),
      cut: pluginTask({ body: '{"node":{"phase":"Succeeded"' }, "cut"),
      outputs: reply({
        node: {
          phase: "Succeeded",
          progress: "1/2",
          invented: 1,
          outputs: {
            parameters: [
              { name: "n", value: 1e21, invented: true },
              { name: "b", value: true, valueFrom: { default: 2.5 } },
            ],
            result: "r",
            exitCode: "0",
          },
        },
      }),
    });
    desk.startAgent({ env: pluginEnv(desk, [plugin.url]) });
    const message = async (id: string) => (await desk.nodeState(id)).message;

    assert.equal(await message("declined"), "no plugin executed the template");
    assert.equal(await message("requeueOnly"), "no plugin executed the template");
    assert.deepEqual(await desk.nodeState("failed"), { phase: "Failed", message: "no" });
    assert.equal((await desk.nodeState("phaseless")).phase, "Error");
    assert.match((await message("wrong")) ?? "", /the plugin's reply: requeue must be text/);
    assert.equal(await message("status"), '500 Internal Server Error: "sorry"');
    assert.match((await message("created")) ?? "", /^201 Created: /);
    assert.equal(await message("empty"), "EOF");
    assert.match((await message("html")) ?? "", /is not JSON/);
    assert.equal((await desk.nodeState("cut")).phase, "Succeeded");
    assert.deepEqual(await desk.nodeState("outputs"), {
      phase: "Succeeded",
      progress: "1/2",
      outputs: {
        parameters: [
          { name: "n", value: "1000000000000000000000" },
          { name: "b", value: "true", valueFrom: { default: "2.5" } },
        ],
        result: "r",
        exitCode: "0",
      },
    });
  });

  it("are asked again after requeue, and their present phase is shown meanwhile without stale fields", async (t) => {
    const desk = await openDesk(t);
    const plugin = await startPlugin(t, (_, count) =>
      count < 3
        ? {
            body: JSON.stringify({
              node: { phase: "Running", message: `try ${count}`, progress: "0/1" },
              requeue: "300ms",
            }),
          }
        : { body: '{"node":{"phase":"Succeeded"}}' },
    );
    desk.createTaskSet({ a: pluginTask(1) });
    desk.startAgent({ env: pluginEnv(desk, [plugin.url]) });

    await desk.nodeState("a", ({ message }) => message === "try 1");
    await desk.nodeState("a", ({ message }) => message === "try 2");
    assert.deepEqual(await desk.nodeState("a"), { phase: "Succeeded" });

    assert.equal(plugin.calls.length, 3);
    const [first, second] = plugin.calls.map(({ atMs }) => atMs);
    assert.ok((second ?? 0) - (first ?? 0) >= 290);
  });

  it("S17: a plugin that starts later than the agent is waited for; one that is busy is asked again", async (t) => {
    const desk = await openDesk(t);
    const probe = await startWeb(t, () => undefined);
    const { port } = new URL(probe.url);
    await new Promise((resolve) => probe.server.close(resolve));
    desk.createTaskSet({ a: pluginTask(1) });
    const agent = desk.startAgent({ env: pluginEnv(desk, [probe.url]) });
    await desk.api.waitForRequest(({ query }) => query.watch === "true", AbortSignal.timeout(20_000));
    while (!agent.log.includes("the plugin does not listen yet")) await sleep(20);

    let count = 0;
    const server = createServer((request, response) => {
      count += 1;
      request.resume();
      if (count === 1) response.writeHead(503).end("busy");
      else response.end('{"node":{"phase":"Succeeded"}}');
    });
    server.listen(Number(port), "127.0.0.1");
    t.after(() => server.close());

    assert.deepEqual(await desk.nodeState("a"), { phase: "Succeeded" });
    assert.equal(count, 2);
  });
});

describe("agent init", { concurrency: 4 }, () => {
  it("gives each plugin a token that it can read, and keeps those that are there", async (t) => {
    const desk = await openDesk(t);
    const run = () =>
      spawnSync(process.execPath, [mainScript, "agent", "init", "--loglevel", "info"], {
        env: { ...process.env, ARGOEXEC_ROOT: desk.root, ARGO_PLUGIN_NAMES: '["one","two"]' },
        encoding: "utf8",
      });
    const path = (name: string) => join(desk.root, "var/run/argo", name, "token");

    const first = run();
    const token = readFileSync(path("one"), "utf8");
    const second = run();

    assert.deepEqual([first.status, second.status], [0, 0], first.stderr + second.stderr);
    assert.match(token, /^[bcdfghjklmnpqrstvwxz2456789]{32}$/);
    assert.equal(readFileSync(path("one"), "utf8"), token);
    assert.notEqual(readFileSync(path("two"), "utf8"), token);
    assert.equal(statSync(path("one")).mode & 0o777, 0o444);
    assert.equal(statSync(join(path("one"), "..")).mode & 0o777, 0o755);
  });

  it("names the variable that it cannot read", async (t) => {
    const desk = await openDesk(t);

    const { status, stderr } = spawnSync(process.execPath, [mainScript, "agent", "init"], {
      env: { ...process.env, ARGOEXEC_ROOT: desk.root, ARGO_PLUGIN_NAMES: "oops" },
      encoding: "utf8",
    });

    assert.notEqual(status, 0);
    assert.match(stderr, /ARGO_PLUGIN_NAMES must be a JSON array/);
  });
});
