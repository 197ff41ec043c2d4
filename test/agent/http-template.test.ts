import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { httpTask, openDesk, startWeb } from "./desk.ts";

describe("HTTP templates", () => {
  it("R26: shows the result as soon as the response is there", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("hello"));
    desk.createTaskSet({});
    const agent = desk.startAgent();
    await desk.api.waitForRequest(({ query }) => query.watch === "true", AbortSignal.timeout(20_000));

    const start = performance.now();
    await desk.addTasks({ "wf-1": httpTask({ url }) });
    const node = await desk.nodeState("wf-1");

    assert.deepEqual(node, { phase: "Succeeded", outputs: { result: "hello" } });
    assert.ok(performance.now() - start < 1_000);
    await desk.complete();
    assert.equal(await agent.ended(), 0);
  });
});
