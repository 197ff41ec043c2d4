import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { objectClient, objectServer } from "../desk/object-client.ts";
import { selfSignedCertificate } from "./api-server/index.ts";
import type { FaultEffect, ObjectServer } from "./object-server/index.ts";

const Bucket = "ml";
const Key = "k";

/** A server with an object of 1 MB, and a function that reads it under a fault. */
async function stored(t: TestContext, bytes = randomBytes(1_000_000)) {
  const server = await objectServer(t);
  const client = objectClient(t, server);
  await client.send(new PutObjectCommand({ Bucket, Key, Body: bytes }));
  const read = async (fault: FaultEffect): Promise<Buffer> => {
    server.addFault({ ...fault, match: { method: "GET" }, times: 1 });
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    return buffer(Body as Readable);
  };
  return { server, client, bytes, read };
}

async function leftOver(server: ObjectServer): Promise<number> {
  return server.requests.filter((request) => !request.isDone).length;
}

describe("Object server's faults", () => {
  it("answer as often as the script says, then the work goes on", async (t) => {
    const server = await objectServer(t, {
      faults: [
        { match: { key: /^k/ }, times: 2, kind: "status", status: 503, code: "SlowDown", retryAfter: 7 },
      ],
    });
    const client = objectClient(t, server);
    const put = () => client.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));

    await assert.rejects(put(), { name: "SlowDown" });
    await assert.rejects(put(), { name: "SlowDown" });
    await put();

    assert.deepEqual(
      server.requests.map(({ status }) => status),
      [503, 503, 200],
    );
  });

  it("R10: answer with a proxy's page instead of a document", async (t) => {
    const server = await objectServer(t, {
      faults: [{ kind: "status", status: 503, body: "<html>upstream connect error</html>" }],
    });

    await assert.rejects(
      objectClient(t, server).send(new ListObjectsV2Command({ Bucket })),
      (error: Error) => {
        assert.equal(
          (error as Error & { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode,
          503,
        );
        return true;
      },
    );
  });

  it("reset the connection in the middle of the response", async (t) => {
    const { read } = await stored(t);

    await assert.rejects(read({ kind: "reset", afterBytes: 300_000 }));
  });

  it("reset the connection in the middle of the request", async (t) => {
    const server = await objectServer(t, {
      faults: [{ match: { method: "PUT" }, kind: "reset", of: "request", afterBytes: 500_000, times: 1 }],
    });
    const client = objectClient(t, server);

    await assert.rejects(client.send(new PutObjectCommand({ Bucket, Key, Body: randomBytes(2_000_000) })));

    await assert.rejects(client.send(new GetObjectCommand({ Bucket, Key })), { name: "NoSuchKey" });
    assert.ok((server.requests[0]?.bytes ?? 0) < 2_000_000);
    assert.equal(await leftOver(server), 0);
  });

  it("end the response early although the whole length was announced", async (t) => {
    const { read } = await stored(t);

    await assert.rejects(read({ kind: "truncate", afterBytes: 300_000 }));
  });

  it("change one byte of the response", async (t) => {
    const { server, bytes } = await stored(t);
    // Without the checksum, which would make the client refuse it.
    const plain = objectClient(t, server, { responseChecksumValidation: "WHEN_REQUIRED" });
    server.addFault({ kind: "corrupt", at: 777_777, match: { method: "GET" }, times: 1 });

    const { Body } = await plain.send(new GetObjectCommand({ Bucket, Key }));
    const read = await buffer(Body as Readable);

    assert.deepEqual(
      [...read.keys()].filter((at) => read[at] !== bytes[at]),
      [777_777],
    );
  });

  it("are noticed by a client that asks for the checksum", async (t) => {
    const { read } = await stored(t);

    await assert.rejects(read({ kind: "corrupt" }), /[Cc]hecksum/);
  });

  it("stall, delay and slow down, and give the content all the same", async (t) => {
    const { read, bytes } = await stored(t);
    const timed = async (fault: FaultEffect) => {
      const started = performance.now();
      assert.ok((await read(fault)).equals(bytes));
      return performance.now() - started;
    };

    assert.ok((await timed({ kind: "stall", ms: 100, afterBytes: 300_000 })) >= 98);
    assert.ok((await timed({ kind: "delay", ms: 100 })) >= 98);
    assert.ok((await timed({ kind: "slow", bytesPerSecond: 5_000_000 })) >= 150);
  });
});

describe("Object server over TLS", () => {
  it("serves with a given certificate", async (t) => {
    const certificate = selfSignedCertificate();
    const server = await objectServer(t, { tls: certificate });
    const requestHandler = new NodeHttpHandler({ httpsAgent: { ca: certificate.cert } });
    const client = objectClient(t, server, { requestHandler });

    await client.send(new PutObjectCommand({ Bucket, Key, Body: "secret" }));
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));

    assert.match(server.url, /^https:/);
    assert.equal((await buffer(Body as Readable)).toString(), "secret");
  });
});
