import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { openDriver } from "../../src/artifacts/index.ts";
import { s3Faults } from "../drivers/s3-faults.ts";
import { s3Artifact, secrets } from "../drivers/s3-location.ts";
import { describeDriver } from "../drivers/suite.ts";
import { fileOf, noise, patience, surroundings } from "../drivers/surroundings.ts";
import { startFront } from "../servers/front.ts";

const program = process.env.OUTRIDER_MINIO;

if (program === undefined) {
  describe("s3 on MinIO", () => {
    it("is left out", { skip: "OUTRIDER_MINIO does not name a minio binary" }, () => {});
  });
} else {
  let minio: ChildProcess;
  let endpoint: string;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "outrider-minio-"));
    endpoint = `127.0.0.1:${await freePort()}`;
    minio = spawn(program, ["server", folder, "--address", endpoint, "--quiet"], {
      env: { ...process.env, MINIO_ROOT_USER: "access-key", MINIO_ROOT_PASSWORD: "secret-key" },
      stdio: "ignore",
    });
    await untilItAnswers(`http://${endpoint}/minio/health/live`);
  });

  after(async () => {
    const ended = once(minio, "exit");
    minio.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  });

  let buckets = 0;
  const start = async (t: TestContext) => {
    buckets += 1;
    const bucket = `bucket-${buckets}`;
    const keys = { "keys/access": "access-key", "keys/secret": "secret-key" };
    const front = await startFront({ target: endpoint });
    t.after(() => front[Symbol.asyncDispose]());
    const elsewhere = s3Artifact(front.endpoint, "x", { bucket: "no-such-bucket" });
    return {
      context: surroundings({ ...secrets, ...keys }),
      artifact: (key: string) => s3Artifact(front.endpoint, key, { bucket, createBucketIfNotPresent: {} }),
      faulty: s3Faults(front, bucket),
      elsewhere,
      strangers: () => ({
        context: surroundings({ ...keys, "keys/secret": "wrong-secret" }),
        artifact: elsewhere,
      }),
    };
  };

  describeDriver("s3 on MinIO", start, {
    rotation: "the server's keys cannot change while it runs",
    clock: "tested in s3.test.ts, on a server whose clock can be set",
  });

  describe("s3 on MinIO: integrity", () => {
    it("keeps the CRC-32 of a whole object that came in parts, as Amazon's client reads it", async (t) => {
      const { context, artifact } = await start(t);
      await using driver = await openDriver(artifact("unused"), context);
      const content = noise(40 * 1024 * 1024);
      await driver.saveFile(artifact("model"), fileOf("model", content), patience());

      const client = new S3Client({
        endpoint: `http://${endpoint}`,
        forcePathStyle: true,
        region: "us-east-1",
        credentials: { accessKeyId: "access-key", secretAccessKey: "secret-key" },
      });
      t.after(() => client.destroy());
      const head = await client.send(
        new HeadObjectCommand({ Bucket: `bucket-${buckets}`, Key: "model", ChecksumMode: "ENABLED" }),
      );
      assert.equal(head.ChecksumType, "FULL_OBJECT");
      const crc = Buffer.from(head.ChecksumCRC32 ?? "", "base64").readUInt32BE();
      assert.equal(crc, crc32(content));
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function untilItAnswers(url: string): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  for (;;) {
    try {
      if ((await fetch(url)).ok) return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
    }
    // MinIO tells nobody that it is ready.
    await sleep(50);
  }
}
