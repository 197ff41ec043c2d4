import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type AgentDesk, httpTask, openDesk, startWeb } from "./desk.ts";

const watches = { verb: "watch", resource: "workflowtasksets" } as const;
const lists = { verb: "list", resource: "workflowtasksets" } as const;

const isWatch = ({ query }: { readonly query: Readonly<Record<string, string>> }) => query.watch === "true";

async function watching(desk: AgentDesk): Promise<void> {
  await desk.api.waitForRequest(isWatch, AbortSignal.timeout(20_000));
}

describe("the agent's watch", { concurrency: 4 }, () => {
  it("S5: survives 410, 429, 5xx and closed watches again and again, without a busy loop or a lost task", async (t) => {
    const desk = await openDesk(t, {
      faults: [
        {
          match: lists,
          kind: "status",
          status: 429,
          reason: "TooManyRequests",
          retryAfterSeconds: 1,
          times: 1,
        },
        { match: lists, kind: "status", status: 500, times: 1 },
        { match: watches, kind: "status", status: 410, reason: "Expired", times: 1 },
        { match: watches, kind: "expire-watch", times: 1 },
        { match: watches, kind: "close-watch", times: 2 },
        { match: watches, kind: "drop", times: 1 },
      ],
    });
    const { url } = await startWeb(t, (_, response) => response.end("ok"));
    desk.createTaskSet({ before: httpTask({ url }) });
    desk.startAgent();
    await desk.nodeState("before");
    while (desk.api.requests.filter(isWatch).length < 6) await sleep(50);

    await desk.addTasks({ after: httpTask({ url }) });

    assert.equal((await desk.nodeState("after")).phase, "Succeeded");
    const attempts = desk.api.requests.filter(isWatch).map(({ atMs }) => atMs);
    assert.ok((attempts[5] ?? 0) - (attempts[0] ?? 0) > 1_000, "pauses grow while watches end at once");
  });

  it("goes on where it was when the API server was away, and after a compaction", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("ok"));
    desk.createTaskSet({ first: httpTask({ url }) });
    const agent = desk.startAgent();
    await desk.nodeState("first");
    await watching(desk);

    await desk.api.pause();
    while (!agent.log.includes("the task set cannot be watched")) await sleep(20);
    await desk.api.resume();
    await desk.addTasks({ second: httpTask({ url }) });
    await desk.nodeState("second");
    await desk.api.pause();
    desk.api.forgetChanges();
    await desk.api.resume();
    await desk.addTasks({ third: httpTask({ url }) });
    desk.api.forgetChanges();

    assert.equal((await desk.nodeState("third")).phase, "Succeeded");
  });

  it("executes a task once, whatever repeats it, and reads the tasks only when they have changed", async (t) => {
    const desk = await openDesk(t);
    let requests = 0;
    const { url } = await startWeb(t, (_, response) => response.end(`${++requests}`));
    desk.createTaskSet({ a: httpTask({ url }) });
    desk.startAgent();
    await desk.nodeState("a");

    for (let i = 0; i < 20; i++) await desk.patch({ metadata: { labels: { [`l${i}`]: "x" } } });
    await desk.addTasks({ a: httpTask({ url: `${url}/changed` }), b: httpTask({ url }) });
    await desk.nodeState("b");

    assert.equal(requests, 2);
    const reads = desk.api.requests.filter(
      ({ method, query }) => method === "GET" && query.watch === undefined,
    );
    assert.ok(reads.length <= 3, `${reads.length} reads for one change of the tasks`);
    assert.match(desk.api.requests.find(isWatch)?.headers.accept ?? "", /as=PartialObjectMetadata/);
  });

  it("ends with 0 when the task set is deleted or its workflow completed", async (t) => {
    for (const how of ["deleted", "completed"] as const) {
      const desk = await openDesk(t);
      desk.createTaskSet({});
      const agent = desk.startAgent();
      await watching(desk);

      if (how === "completed") await desk.complete();
      else {
        const path = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflowtasksets/wf";
        await fetch(desk.api.url + path, {
          method: "DELETE",
          headers: { authorization: "Bearer controller" },
        });
      }

      assert.equal(await agent.ended(), 0, how);
    }
  });

  it("waits for a task set that does not exist yet", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("ok"));
    desk.startAgent();
    await watching(desk);

    desk.createTaskSet({ a: httpTask({ url }) });

    assert.equal((await desk.nodeState("a")).phase, "Succeeded");
  });

  it("names the grant that is missing, and goes on once it is given", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("ok"));
    desk.api.setUser({ token: "agent", name: "sa", rules: [] });
    desk.createTaskSet({ a: httpTask({ url }) });
    const agent = desk.startAgent();
    await desk.api.waitForRequest(({ status }) => status === 403);

    desk.api.setUser({ token: "agent", name: "sa", rules: [{ verbs: ["*"], resources: ["*"] }] });

    assert.equal((await desk.nodeState("a")).phase, "Succeeded");
    assert.match(agent.log, /grant the workflow's service account .*list.* on workflowtasksets/);
  });

  it("gives up what the controller has taken out of the task set, and reports nothing about it", async (t) => {
    const desk = await openDesk(t);
    let isClosed = false;
    const { url } = await startWeb(t, (request, response) => {
      if (request.url === "/quick") response.end("ok");
      else response.on("close", () => (isClosed = true));
    });
    desk.createTaskSet({ stopped: httpTask({ url, timeoutSeconds: 60 }) });
    const agent = desk.startAgent();
    while (!agent.log.includes("task begins")) await sleep(20);

    await desk.patch({ spec: { tasks: { stopped: null } } });
    await desk.addTasks({ quick: httpTask({ url: `${url}/quick` }) });
    await desk.nodeState("quick");
    while (!isClosed) await sleep(20);

    assert.equal(desk.nodes.stopped, undefined);
  });
});
