import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Journal } from "../../src/agent/journal.ts";
import { openLogger } from "../../src/log/index.ts";
import { httpTask, openDesk, startWeb, workflowUid } from "./desk.ts";

const statusPatches = { verb: "patch", subresource: "status" } as const;

describe("an agent that is killed and started again", { concurrency: 4 }, () => {
  it("R28: does not send again what was answered, and reports it", async (t) => {
    const desk = await openDesk(t, {
      faults: [{ match: statusPatches, kind: "status", status: 503, reason: "ServiceUnavailable" }],
    });
    let posts = 0;
    const { url } = await startWeb(t, (_, response) => response.end(`answer ${++posts}`));
    desk.createTaskSet({ a: httpTask({ url, method: "POST", body: "pay" }) });
    const first = desk.startAgent();
    await desk.api.waitForRequest(({ method, status }) => method === "PATCH" && status === 503);

    await first.kill();
    desk.api.clearFaults();
    desk.startAgent();

    assert.deepEqual(await desk.nodeState("a"), { phase: "Succeeded", outputs: { result: "answer 1" } });
    assert.equal(posts, 1);
  });

  it("says what it cannot know: a POST without an answer is not sent again, a GET and a POST with a key are", async (t) => {
    const desk = await openDesk(t);
    const waiting: ServerResponse[] = [];
    const count: Record<string, number> = {};
    const { url } = await startWeb(t, (request, response) => {
      const path = request.url ?? "";
      count[path] = (count[path] ?? 0) + 1;
      if (count[path] === 1) waiting.push(response);
      else response.end("again");
    });
    const key = [{ name: "Idempotency-Key", value: "k" }];
    desk.createTaskSet({
      post: httpTask({ url: `${url}/post`, method: "POST", timeoutSeconds: 60 }),
      get: httpTask({ url: `${url}/get`, timeoutSeconds: 60 }),
      keyed: httpTask({ url: `${url}/keyed`, method: "POST", headers: key, timeoutSeconds: 60 }),
    });
    const first = desk.startAgent();
    while (waiting.length < 3) await sleep(20);

    await first.kill();
    desk.startAgent();

    const post = await desk.nodeState("post");
    assert.equal(post.phase, "Error");
    assert.match(post.message ?? "", /whether it took effect cannot be known/);
    assert.equal((await desk.nodeState("get")).outputs?.result, "again");
    assert.equal((await desk.nodeState("keyed")).outputs?.result, "again");
    assert.deepEqual(count, { "/post": 1, "/get": 2, "/keyed": 2 });
  });

  it("takes the task set's own status for a witness where the volume was lost", async (t) => {
    const desk = await openDesk(t);
    let requests = 0;
    const { url } = await startWeb(t, (_, response) => response.end(`${++requests}`));
    const status = { nodes: { done: { phase: "Failed", message: "no" }, running: { phase: "Running" } } };
    desk.createTaskSet({ done: httpTask({ url }), running: httpTask({ url }) });
    await desk.patch({ status }, "/status");

    desk.startAgent();

    assert.equal((await desk.nodeState("running")).phase, "Succeeded");
    assert.equal(requests, 1);
    assert.deepEqual(desk.nodes.done, { phase: "Failed", message: "no" });
  });

  it("reads a journal whose last line is torn, and none of another workflow", async (t) => {
    const desk = await openDesk(t);
    const path = join(desk.root, "var/run/argo/.agent-journal");
    let requests = 0;
    const { url } = await startWeb(t, (_, response) => response.end(`${++requests}`));
    const answered = JSON.stringify({
      node: "a",
      state: "answered",
      result: { phase: "Succeeded", message: "kept" },
    });
    writeFileSync(path, `${JSON.stringify({ owner: workflowUid })}\n${answered}\n{"node":"b","sta`);
    desk.createTaskSet({ a: httpTask({ url }), b: httpTask({ url }) });
    const first = desk.startAgent();
    assert.equal((await desk.nodeState("a")).message, "kept");
    assert.equal((await desk.nodeState("b")).outputs?.result, "1");
    await first.kill();

    writeFileSync(path, readFileSync(path, "utf8").replace(workflowUid, "another"));
    await desk.patch({ status: { nodes: { a: null, b: null } } }, "/status");
    desk.startAgent();
    await desk.nodeState("a", ({ outputs }) => ["2", "3"].includes(outputs?.result ?? ""));
  });

  it("keeps the journal small, whatever passes through it", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "journal-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "journal");
    const log = openLogger("error", "text");
    const large = JSON.stringify({ phase: "Succeeded", outputs: { result: "x".repeat(500_000) } });

    using journal = new Journal(path, "uid", log);
    for (let i = 0; i < 100; i++) {
      journal.noteAnswered(`n${i}`, large);
      if (i % 10 !== 0) journal.noteReported(`n${i}`);
      if (i % 10 === 1) journal.forget(`n${i}`);
    }
    const sizeBytes = statSync(path).size;
    using again = new Journal(path, "uid", log);

    assert.ok(sizeBytes < 25_000_000, `${sizeBytes} bytes`);
    assert.deepEqual(again.past("n90"), { state: "answered", json: large });
    assert.deepEqual(again.past("n92"), { state: "reported" });
  });

  it("works without a volume that can be written", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("ok"));
    desk.createTaskSet({ a: httpTask({ url, method: "POST" }) });

    const agent = desk.startAgent({ env: { ARGOEXEC_ROOT: "/proc/nowhere" } });

    assert.equal((await desk.nodeState("a")).phase, "Succeeded");
    assert.match(agent.log, /journal could not be written/);
  });

  it("reports what is answered before it ends at SIGTERM", async (t) => {
    const desk = await openDesk(t, { faults: [{ match: statusPatches, kind: "delay", ms: 1000, times: 1 }] });
    const { url } = await startWeb(
      t,
      (request, response) => void (request.url === "/" && response.end("ok")),
    );
    desk.createTaskSet({
      a: httpTask({ url }),
      endless: httpTask({ url: `${url}/never`, timeoutSeconds: 60 }),
    });
    const agent = desk.startAgent();
    await desk.api.waitForRequest(({ method }) => method === "PATCH");

    agent.signal("SIGTERM");

    assert.equal(await agent.ended(), 0);
    assert.equal(desk.nodes.a?.phase, "Succeeded");
    assert.equal(desk.nodes.endless, undefined);
  });
});
