import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { combineCrc32, decodeCrc32, encodeCrc32 } from "../../src/artifacts/digests.ts";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { type S3TestOptions, startS3 } from "./s3-location.ts";
import { load } from "./suite.ts";
import { fileOf, noise, patience, streamContent, temporaryFolder } from "./surroundings.ts";

const mib = 1024 * 1024;

async function openS3(t: TestContext, options: S3TestOptions = {}) {
  const s3 = await startS3(t, options);
  const driver = await openDriver(s3.artifact("unused"), s3.context);
  t.after(() => driver[Symbol.asyncDispose]());
  return { ...s3, driver };
}

function base64OfCrc(content: Uint8Array): string {
  return encodeCrc32(crc32(content));
}

describe("S3 driver: a digest of the whole object", () => {
  it("lets the store verify the CRC-32 of every part and of the whole, and keep it", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const content = noise(20 * mib);

    await driver.saveFile(artifact("model"), fileOf("model", content), patience());

    const parts = server.requests.filter(({ query }) => query.partNumber !== undefined);
    assert.ok(parts.length > 1);
    for (const { headers } of parts) assert.match(String(headers["x-amz-checksum-crc32"]), /^.{6}==$/);
    const completion = server.requests.find(({ method, query }) => method === "POST" && query.uploadId);
    assert.equal(completion?.headers["x-amz-checksum-crc32"], base64OfCrc(content));
    assert.equal(completion?.headers["x-amz-checksum-type"], "FULL_OBJECT");
  });

  it("lets that CRC-32 stand for the payload in the signature, and its SHA-256 where there is none", async (t) => {
    for (const checksums of ["verified", "ignored"] as const) {
      const { driver, artifact, server } = await openS3(t, { checksums });

      await driver.saveFile(artifact("model"), fileOf("model", noise(20 * mib)), patience());

      const parts = server.requests.filter(({ query }) => query.partNumber !== undefined);
      assert.ok(parts.length > 1);
      for (const { headers } of parts) {
        const expected = checksums === "verified" ? /^UNSIGNED-PAYLOAD$/ : /^[0-9a-f]{64}$/;
        assert.match(String(headers["x-amz-content-sha256"]), expected);
        const signed = /SignedHeaders=([^,]*)/.exec(String(headers.authorization))?.[1]?.split(";");
        assert.equal(signed?.includes("x-amz-checksum-crc32"), checksums === "verified");
      }
    }
  });

  for (const [status, code] of [
    [403, "AccessDenied"],
    [403, "SignatureDoesNotMatch"],
    [400, "InvalidRequest"],
    [501, "NotImplemented"],
  ] as const) {
    it(`signs the payload of each part where the store answers ${code} otherwise`, async (t) => {
      const { driver, artifact, server } = await openS3(t);
      server.addFault({ match: { payload: "UNSIGNED-PAYLOAD" }, kind: "status", status, code });
      const content = noise(40 * mib);

      for (const key of ["first", "second"]) {
        await driver.saveFile(artifact(key), fileOf(key, content), patience());
        assert.ok((await load(driver, artifact(key))).equals(content));
      }

      // Those that were under way side by side when the first was refused, and none of the second object.
      const refused = server.requests.filter(
        ({ headers }) => headers["x-amz-content-sha256"] === "UNSIGNED-PAYLOAD",
      );
      assert.ok(refused.length >= 1 && refused.length <= 4, `${refused.length} were refused`);
      assert.ok(refused.every(({ key }) => key?.endsWith("first")));
    });
  }

  it("names what a store refuses with and without the hash of the payload", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    server.addFault({ match: { query: "partNumber" }, kind: "status", status: 403, code: "AccessDenied" });

    await assert.rejects(driver.saveFile(artifact("f"), fileOf("f", noise(20 * mib)), patience()), (error) =>
      isExecutorError(error, "Forbidden"),
    );
  });

  it("sends a part again that has arrived as another one, still by its CRC-32", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const content = noise(20 * mib);
    server.addFault({ match: { part: 1 }, times: 1, kind: "status", status: 400, code: "BadDigest" });

    await driver.saveFile(artifact("f"), fileOf("f", content), patience());

    const parts = server.requests.filter(({ query }) => query.partNumber !== undefined);
    assert.ok(parts.every(({ headers }) => headers["x-amz-content-sha256"] === "UNSIGNED-PAYLOAD"));
    assert.ok((await load(driver, artifact("f"))).equals(content));
  });

  it("keeps it for a stream whose length nobody knew", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const content = noise(17 * mib);

    await driver.saveFile(artifact("stream"), streamContent("stream", content), patience());

    const completion = server.requests.find(({ method, query }) => method === "POST" && query.uploadId);
    assert.equal(completion?.headers["x-amz-checksum-crc32"], base64OfCrc(content));
  });

  for (const way of ["a stream", "a file"]) {
    it(`notices a byte that changed on the way in an object of many parts, read as ${way}`, async (t) => {
      const { driver, artifact, server } = await openS3(t);
      await driver.saveFile(artifact("f"), fileOf("f", noise(20 * mib)), patience());
      server.addFault({ match: { method: "GET" }, times: 1, kind: "corrupt", at: 1000 });

      const loading = way === "a file" ? loadAsFile(t, driver, artifact("f")) : load(driver, artifact("f"));
      await assert.rejects(
        loading,
        (error) => isExecutorError(error, "Corrupt") && /the CRC-32 of what arrived/.test(error.message),
      );
    });
  }

  it("loads an object of many parts as it was saved", async (t) => {
    const { driver, artifact } = await openS3(t);
    const content = noise(20 * mib);
    await driver.saveFile(artifact("f"), fileOf("f", content), patience());

    assert.ok((await load(driver, artifact("f"))).equals(content));
    assert.ok((await loadAsFile(t, driver, artifact("f"))).equals(content));
  });

  it("loads it, too, where the identity may not ask for the checksum", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const content = noise(20 * mib);
    await driver.saveFile(artifact("f"), fileOf("f", content), patience());
    const stored = await driver.open(artifact("f"), patience());
    server.addFault({ match: { method: "HEAD" }, kind: "status", status: 403, code: "AccessDenied" });

    assert.equal(stored.kind, "file");
    if (stored.kind !== "file") return;
    const path = join(await temporaryFolder(t), "file");
    await stored.saveTo?.(path);
    assert.ok((await readFile(path)).equals(content));
  });

  it("leaves the SHA-256 with an object that is stored whole, and verifies it", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const content = noise(mib);
    await driver.saveFile(artifact("f"), fileOf("f", content), patience());
    const put = server.requests.find(({ method }) => method === "PUT");
    const sha256 = createHash("sha256").update(content).digest("hex");
    assert.equal(put?.headers["x-amz-meta-outrider-sha256"], sha256);

    server.addFault({ match: { method: "GET" }, kind: "corrupt", at: 1000 });
    await assert.rejects(
      load(driver, artifact("f")),
      (error) => isExecutorError(error, "Corrupt") && /the SHA-256 of what arrived/.test(error.message),
    );
  });

  it("falls back to Content-MD5 where the store ignores such checksums", async (t) => {
    const { driver, artifact, server } = await openS3(t, { checksums: "ignored" });
    const content = noise(20 * mib);

    await driver.saveFile(artifact("f"), fileOf("f", content), patience());

    const parts = server.requests.filter(({ query }) => query.partNumber !== undefined);
    for (const { headers } of parts) {
      assert.match(String(headers["content-md5"]), /^.{22}==$/);
      assert.equal(headers["x-amz-checksum-crc32"], undefined);
    }
    assert.ok((await load(driver, artifact("f"))).equals(content));
  });

  it("asks a store that refuses such headers without them, and asks it so from then on", async (t) => {
    const { driver, artifact, server } = await openS3(t, { checksums: "refused" });
    const content = noise(20 * mib);

    for (const key of ["first", "second"]) {
      await driver.saveFile(artifact(key), fileOf(key, content), patience());
      assert.ok((await load(driver, artifact(key))).equals(content));
    }

    const offers = server.requests.filter(({ headers }) => headers["x-amz-checksum-algorithm"] !== undefined);
    assert.equal(offers.length, 1);
    const checksums = server.requests.filter(({ headers }) => headers["x-amz-checksum-mode"] !== undefined);
    assert.equal(checksums.length, 0);
  });

  it("fails an upload that may not be begun with the store's words, whatever it offers", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    server.addFault({ match: { query: "uploads" }, kind: "status", status: 403, code: "AccessDenied" });

    await assert.rejects(driver.saveFile(artifact("f"), fileOf("f", noise(20 * mib)), patience()), (error) =>
      isExecutorError(error, "Forbidden"),
    );
  });
});

describe("CRC-32", () => {
  it("of two pieces is the CRC-32 of both together", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (first, second) => {
        const whole = crc32(Buffer.concat([first, second]));
        assert.equal(combineCrc32(crc32(first), crc32(second), second.byteLength), whole);
      }),
    );
  });

  it("travels as four bytes in network order", () => {
    assert.equal(encodeCrc32(0x01020304), "AQIDBA==");
    assert.equal(decodeCrc32("AQIDBA=="), 0x01020304);
    assert.equal(decodeCrc32("AQIDBA==-3"), undefined);
    assert.equal(decodeCrc32(undefined), undefined);
  });
});

async function loadAsFile(
  t: TestContext,
  driver: Awaited<ReturnType<typeof openDriver>>,
  artifact: Parameters<typeof driver.open>[0],
): Promise<Buffer> {
  const path = join(await temporaryFolder(t), "file");
  const stored = await driver.open(artifact, patience());
  assert.equal(stored.kind, "file");
  if (stored.kind === "file") await stored.saveTo?.(path);
  return await readFile(path);
}
