import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { outcomeOf, s3Side, startSync, sync } from "./sync.ts";

describe("argoexec sync run: its first and last requests", () => {
  it("lists both sides while it asks for the journal, and deletes none where there was none", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("a", "a");
    // The answer about the journal comes when both listings have been asked for.
    target.server.addFault({ match: { method: "HEAD", key: /\.outrider-sync/ }, kind: "delay", ms: 600_000 });
    const areListed = [source, target].map(({ server }) =>
      server.waitForRequest(({ method, query }) => method === "GET" && query["list-type"] === "2"),
    );

    const ended = outcomeOf(startSync(["run", source.url(), target.url()]));
    await Promise.all(areListed);
    target.server.letGo();
    const { status } = await ended;

    assert.equal(status, 0);
    assert.deepEqual(await target.contents(), { a: "a" });
    const ownRequests = target.server.requests.filter(({ key }) => key?.includes(".outrider-sync/"));
    assert.deepEqual(
      ownRequests.map(({ method }) => method),
      ["HEAD"],
    );
  });

  it("ends with the listing's error, and what to do, where the journal says that there is nothing", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("a", "a");
    target.server.addFault({
      match: { query: "list-type" },
      kind: "status",
      status: 403,
      code: "AccessDenied",
    });

    const { status, lastLine } = await sync(["run", source.url(), target.url()]);

    assert.equal(status, 20, lastLine);
    assert.match(lastLine, /AccessDenied|access denied/i);
    assert.deepEqual(target.objectRequests("PUT"), []);
  });
});
