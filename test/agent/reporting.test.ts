import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { type AgentDesk, httpTask, openDesk, startWeb } from "./desk.ts";

const statusPatches = { verb: "patch", subresource: "status" } as const;

/** A server in front of the API server whose schema refuses some patches. */
async function startGate(t: TestContext, desk: AgentDesk, refuses: (body: string) => boolean) {
  return startWeb(t, async (request, response) => {
    const { method = "GET", url = "/", headers } = request;
    const body = Buffer.concat(await request.toArray());
    if (method === "PATCH" && refuses(body.toString())) {
      const status = { kind: "Status", code: 422, reason: "Invalid", message: "no such phase" };
      return void response.writeHead(422, { "content-type": "application/json" }).end(JSON.stringify(status));
    }
    const onward = httpRequest(`${desk.api.url}${url}`, { method, headers, agent: false });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      response.flushHeaders();
      answer.on("error", () => response.destroy()).pipe(response);
    });
    onward.end(body);
  });
}

describe("the agent's reports", { concurrency: 4 }, () => {
  it("R27: many results travel in few patches, none near the size limit, and all arrive", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("x".repeat(5_000)));
    const ids = Array.from({ length: 200 }, (_, i) => `n${i}`);

    desk.createTaskSet(Object.fromEntries(ids.map((id) => [id, httpTask({ url })])));
    desk.startAgent();
    for (const id of ids) assert.equal((await desk.nodeState(id)).phase, "Succeeded");

    assert.ok(desk.patches.length < 100, `${desk.patches.length} patches`);
    assert.ok(Math.max(...desk.patches.map((body) => body.length)) < 600_000);
  });

  it("R27: results that have no room in the task set wait until the controller has taken others", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("x".repeat(450_000)));
    const ids = ["a", "b", "c", "d", "e", "f"];
    desk.createTaskSet(Object.fromEntries(ids.map((id) => [id, httpTask({ url })])));
    desk.startAgent();
    const seen = new Set<string>();

    while (seen.size < ids.length) {
      await desk.api.waitForRequest(({ method, status }) => method === "PATCH" && status === 200);
      desk.api.clearRequests();
      const done = Object.entries(desk.nodes).filter(([, { phase }]) => phase !== undefined);
      for (const [id, { phase }] of done) {
        assert.equal(phase, "Succeeded");
        seen.add(id);
      }
      if (done.length === 0) continue;
      await desk.patch({ status: { nodes: Object.fromEntries(done.map(([id]) => [id, null])) } }, "/status");
      await desk.patch({ spec: { tasks: Object.fromEntries(done.map(([id]) => [id, null])) } });
    }
  });

  it("one result that the API server refuses fails its own node only", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("ok"));
    const good = Array.from({ length: 30 }, (_, i) => `n${i}`);
    const gate = await startGate(t, desk, (body) => body.includes('"bad":{"phase":"Succeeded"'));

    desk.createTaskSet(Object.fromEntries([...good, "bad"].map((id) => [id, httpTask({ url })])));
    desk.startAgent({ args: ["--server", gate.url] });
    for (const id of good) assert.equal((await desk.nodeState(id)).phase, "Succeeded");

    const bad = await desk.nodeState("bad");
    assert.equal(bad.phase, "Error");
    assert.match(
      bad.message ?? "",
      /^HTTP request completed successfully but an error occurred when patching its result: .*no such phase/,
    );
  });

  it("S5: conflicts, overload, lost answers and outages lose no result", async (t) => {
    const desk = await openDesk(t, {
      faults: [
        { match: statusPatches, kind: "status", status: 409, reason: "Conflict", times: 1 },
        {
          match: statusPatches,
          kind: "status",
          status: 429,
          reason: "TooManyRequests",
          retryAfterSeconds: 1,
          times: 1,
        },
        { match: statusPatches, kind: "status", status: 500, message: "no idea", times: 2 },
        { match: statusPatches, kind: "status", status: 403, reason: "Forbidden", times: 1 },
        { match: statusPatches, kind: "drop", afterWork: true, times: 1 },
      ],
    });
    let requests = 0;
    const { url } = await startWeb(t, (_, response) => response.end(`${++requests}`));
    desk.createTaskSet({ a: httpTask({ url }), b: httpTask({ url }) });

    desk.startAgent();

    assert.equal((await desk.nodeState("a")).phase, "Succeeded");
    assert.equal((await desk.nodeState("b")).phase, "Succeeded");
    assert.equal(requests, 2);
  });
});
