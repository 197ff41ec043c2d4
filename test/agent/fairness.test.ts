import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { httpTask, openDesk, startWeb } from "./desk.ts";

describe("places for tasks", { concurrency: 4 }, () => {
  it("are for each server: the tasks of one that never answers delay nobody else's", async (t) => {
    const desk = await openDesk(t);
    let inFlight = 0;
    const stuck = await startWeb(t, () => {
      inFlight += 1;
    });
    const well = await startWeb(t, (_, response) => response.end("ok"));
    const ids = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}`);
    const stuckTasks = ids("a-stuck", 100).map((id) => [
      id,
      httpTask({ url: stuck.url, timeoutSeconds: 60 }),
    ]);
    const wellTasks = ids("well", 100).map((id) => [id, httpTask({ url: well.url })]);

    desk.createTaskSet(Object.fromEntries([...stuckTasks, ...wellTasks]));
    desk.startAgent({ env: { ARGO_AGENT_TASK_WORKERS: "7" } });
    for (const id of ids("well", 100)) assert.equal((await desk.nodeState(id)).phase, "Succeeded");

    while (inFlight < 7) await sleep(20);
    assert.equal(inFlight, 7, "as many as the workers, of the server that is stuck");
  });

  it("are enough for a thousand requests to one server where the operator says so", async (t) => {
    const desk = await openDesk(t);
    const waiting: (() => void)[] = [];
    const { url } = await startWeb(t, (_, response) => {
      waiting.push(() => response.end("ok"));
      if (waiting.length === 1000) for (const end of waiting) end();
    });
    const ids = Array.from({ length: 1000 }, (_, i) => `n${i}`);

    desk.createTaskSet(Object.fromEntries(ids.map((id) => [id, httpTask({ url, timeoutSeconds: 60 })])));
    desk.startAgent({ env: { ARGO_AGENT_TASK_WORKERS: "1000" } });

    await desk.api.waitForState(
      { resource: "workflowtasksets", namespace: "argo", name: "wf" },
      () => Object.keys(desk.nodes).length === 1000,
      AbortSignal.timeout(30_000),
    );
  });
});
