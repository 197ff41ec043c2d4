import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noise } from "../drivers/surroundings.ts";
import { hardKeys, s3Side, sync } from "./sync.ts";

describe("argoexec sync inside one service", { concurrency: 2 }, () => {
  it("copies between two buckets without reading a byte, keys and metadata as they are", async (t) => {
    const side = await s3Side(t);
    side.server.createBucket("other");
    const large = noise(7 * 1024 * 1024);
    for (const key of hardKeys) {
      await side.put(key, `content of ${key}`, { ContentType: "text/x-hard", Metadata: { step: "train" } });
    }
    await side.put("large", large);
    side.server.clearRequests();

    const target = side.url().replace("s3://ml/", "s3://other/");
    const { status, report, lastLine } = await sync(["run", side.url(), target]);

    assert.equal(status, 0, lastLine);
    assert.equal(report?.totals.copied?.objects, hardKeys.length + 1);
    assert.deepEqual(side.objectRequests("GET", "HEAD"), []);
    const verified = await sync(["verify", side.url(), target]);
    assert.equal(verified.status, 0, verified.lastLine);
    assert.equal(verified.report?.totals.equal?.objects, hardKeys.length + 1);
    const again = await sync(["run", side.url(), target]);
    assert.equal(again.report?.totals.equal?.objects, hardKeys.length + 1);
  });

  it("relays where the service does not copy", async (t) => {
    const side = await s3Side(t);
    side.server.createBucket("other");
    for (const key of ["a", "b", "c"]) await side.put(key, key);
    side.server.addFault({
      match: { method: "PUT", bucket: "other" },
      times: 1,
      kind: "status",
      status: 501,
      code: "NotImplemented",
    });

    const { status } = await sync([
      "run",
      side.url(),
      side.url().replace("s3://ml/", "s3://other/"),
      "--transfers",
      "1",
    ]);

    assert.equal(status, 0);
    // Asked once, and never again.
    const copies = side.server.requests.filter(({ headers }) => headers["x-amz-copy-source"] !== undefined);
    assert.equal(copies.length, 1);
    assert.deepEqual(side.objectRequests("GET"), ["GET a", "GET b", "GET c"]);
  });

  it("copies what the source has now, if an object is replaced after it was listed", async (t) => {
    const side = await s3Side(t);
    side.server.createBucket("other");
    await side.put("k", "first");
    side.server.addFault({
      match: { method: "PUT", bucket: "other", key: "k" },
      times: 1,
      kind: "delay",
      ms: 300,
    });
    const running = sync(["run", side.url(), side.url().replace("s3://ml/", "s3://other/")]);
    await side.server.waitForRequest(({ method, bucket }) => method === "PUT" && bucket === "other");
    await side.put("k", "second, longer");

    const { status, report } = await running;

    assert.equal(status, 0);
    assert.equal(report?.totals.copied?.objects, 1);
    const verified = await sync(["verify", side.url(), side.url().replace("s3://ml/", "s3://other/")]);
    assert.equal(verified.status, 0, verified.lastLine);
  });
});
