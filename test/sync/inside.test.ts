import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { noise } from "../drivers/surroundings.ts";
import { hardKeys, type S3Side, s3Side, sync } from "./sync.ts";

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

  it("copies large objects part by part without reading a byte, several at once, with what is kept beside them", async (t) => {
    const side = await s3Side(t);
    side.server.createBucket("other");
    const content = noise(13 * mib + 5);
    await putInParts(side, "large", content, 5 * mib);
    await side.put("small", "s");
    const target = side.url().replace("s3://ml/", "s3://other/");
    side.server.clearRequests();

    const { status, lastLine } = await sync(["run", side.url(), target, "--copy-in-parts-from", "6M"]);
    const parts = side.server.requests.filter(
      ({ query, headers }) => query.partNumber && headers["x-amz-copy-source"],
    );
    const read = side.objectRequests("GET");
    const copy = await side.client.send(new GetObjectCommand({ Bucket: "other", Key: "large" }));
    const bytes = Buffer.from((await copy.Body?.transformToByteArray()) ?? []);
    const again = await sync(["run", side.url(), target, "--copy-in-parts-from", "6M"]);

    assert.equal(status, 0, lastLine);
    assert.deepEqual(read, []);
    assert.deepEqual(parts.map(({ headers }) => headers["x-amz-copy-source-range"]).sort(), [
      "bytes=0-5242879",
      "bytes=10485760-13631492",
      "bytes=5242880-10485759",
    ]);
    assert.ok(bytes.equals(content));
    assert.deepEqual([copy.ContentType, copy.Metadata], ["text/x-large", { step: "train" }]);
    // The parts are those of the source, and so the tag is.
    assert.equal(again.report?.totals.equal?.objects, 2);
    assert.equal(again.report?.reasons["tag is equal"], 2);
  });

  it("leaves no half upload where a part cannot be copied, and relays where the service copies no parts", async (t) => {
    const side = await s3Side(t);
    side.server.createBucket("other");
    await side.put("large", noise(13 * mib));
    const target = side.url().replace("s3://ml/", "s3://other/");
    const args = ["run", side.url(), target, "--copy-in-parts-from", "6M"];
    const fault = { method: "PUT", bucket: "other", key: "large", query: "uploadId" };
    side.server.addFault({ match: fault, kind: "status", status: 500, code: "InternalError" });
    const failed = await sync(args);
    const left = await side.client.send(new ListMultipartUploadsCommand({ Bucket: "other" }));
    side.server.clearFaults();
    side.server.addFault({ match: fault, times: 4, kind: "status", status: 501, code: "NotImplemented" });
    side.server.clearRequests();

    const relayed = await sync(args);

    assert.equal(failed.status, 10, failed.lastLine);
    assert.equal(left.Uploads, undefined);
    assert.equal(relayed.status, 0, relayed.lastLine);
    assert.ok(side.objectRequests("GET").length > 0);
    assert.equal((await sync(["verify", side.url(), target])).status, 0);
  });
});

const mib = 1024 * 1024;

async function putInParts(
  { client }: S3Side,
  Key: string,
  content: Buffer,
  partBytes: number,
): Promise<void> {
  const at = { Bucket: "ml", Key };
  const kept = { ContentType: "text/x-large", Metadata: { step: "train" } };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ...kept }));
  const Parts: CompletedPart[] = [];
  for (let offset = 0; offset < content.length; offset += partBytes) {
    const PartNumber = Parts.length + 1;
    const Body = content.subarray(offset, offset + partBytes);
    const { ETag } = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body }));
    Parts.push({ ETag, PartNumber });
  }
  await client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));
}
