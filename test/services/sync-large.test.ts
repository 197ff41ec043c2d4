// `argoexec sync` of an object that is larger than S3 copies by one request: FULL=1, for it takes 16 GB of disk.
import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { GetObjectCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { sync } from "../sync/sync.ts";
import { env, minio, type S3, startMinio } from "./sync-stores.ts";

const mib = 1024 * 1024;
/** 5 GiB and a little. */
const sizeBytes = 5 * 1024 * mib + 3 * mib + 7;
const skip =
  (minio === undefined && "MinIO cannot be built here") || (!process.env.FULL && "16 GB: FULL=1 runs it");

/** A file without most of its bytes, in which each MiB says which one it is. */
async function writeLarge(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  const file = await open(join(folder, "model"), "wx");
  await file.truncate(sizeBytes);
  for (let at = 0; at + 8 <= sizeBytes; at += mib) await file.write(markOf(at), 0, 8, at);
  await file.close();
  return folder;
}

function markOf(at: number): Buffer {
  const mark = Buffer.alloc(8);
  mark.writeBigUInt64LE(BigInt(at) + 1n);
  return mark;
}

/** Reads the marks of every 37th MiB, and of the last. */
async function expectMarks({ client }: S3, Bucket: string): Promise<void> {
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: "model" }));
  assert.equal(head.ContentLength, sizeBytes);
  for (let at = 0; at + 8 <= sizeBytes; at += 37 * mib) {
    const Range = `bytes=${at}-${at + 7}`;
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: "model", Range }));
    const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    assert.deepEqual(bytes, markOf(at), `${Bucket} at ${at}`);
  }
}

describe("argoexec sync of an object above 5 GiB", { skip }, () => {
  it("copies it part by part inside MinIO, relays it to another, and sees that both are equal", async (t) => {
    const [first, second] = [await startMinio(t), await startMinio(t)];
    for (const bucket of ["source", "inside"]) await first.makeBucket(bucket);
    await second.makeBucket("relayed");
    const folder = await writeLarge(t);
    const uploaded = await sync(["run", `file://${folder}`, first.url("source")], env);
    assert.equal(uploaded.status, 0, uploaded.lastLine);

    const inside = await sync(["run", first.url("source"), first.url("inside")], env);
    const relayed = await sync(["run", first.url("source"), second.url("relayed")], env);
    const again = [
      await sync(["run", first.url("source"), first.url("inside")], env),
      await sync(["run", first.url("source"), second.url("relayed")], env),
    ];

    assert.equal(inside.status, 0, inside.lastLine);
    assert.equal(inside.report?.reasons["copied inside the service"], 1);
    assert.equal(relayed.status, 0, relayed.lastLine);
    assert.equal(relayed.report?.reasons.relayed, 1);
    for (const { report, lastLine } of again) assert.equal(report?.totals.equal?.objects, 1, lastLine);
    await expectMarks(first, "inside");
    await expectMarks(second, "relayed");
  });
});
