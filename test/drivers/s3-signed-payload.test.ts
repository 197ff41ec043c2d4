import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import type { S3Location } from "../../src/template/index.ts";
import { s3Artifact, secrets, startS3 } from "./s3-location.ts";
import { load } from "./suite.ts";
import { fileOf, noise, patience, surroundings } from "./surroundings.ts";

const kib = 1024;

async function openS3(t: TestContext, location: Partial<S3Location> = {}) {
  const s3 = await startS3(t);
  const driver = await openDriver(s3.artifact("unused", location), s3.context);
  t.after(() => driver[Symbol.asyncDispose]());
  return { ...s3, driver };
}

type Headers = IncomingMessage["headers"];

function payloadsOf(requests: readonly { readonly method: string; readonly headers: Headers }[]) {
  return requests
    .filter(({ method }) => method === "PUT")
    .map(({ headers }) =>
      headers["x-amz-content-sha256"] === "UNSIGNED-PAYLOAD" ? "by its MD5" : "by its hash",
    );
}

describe("S3 driver: the payload of a whole object in the signature, over http", () => {
  it("is its signed Content-MD5 once the store has answered with the MD5 of what arrived", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const contents = [noise(kib), noise(2 * kib), Buffer.alloc(0)];

    for (const [index, content] of contents.entries())
      await driver.saveFile(artifact(`f${index}`), fileOf("f", content), patience());

    assert.deepEqual(payloadsOf(server.requests), ["by its hash", "by its MD5", "by its MD5"]);
    const puts = server.requests.filter(({ method }) => method === "PUT");
    for (const [index, { headers }] of puts.entries()) {
      const content = contents[index] ?? Buffer.alloc(0);
      assert.equal(headers["content-md5"], createHash("md5").update(content).digest("base64"));
      assert.equal(headers["x-amz-meta-outrider-sha256"], createHash("sha256").update(content).digest("hex"));
      const signed = /SignedHeaders=([^,]*)/.exec(String(headers.authorization))?.[1]?.split(";");
      assert.ok(signed?.includes("content-md5"));
      assert.ok((await load(driver, artifact(`f${index}`))).equals(content));
    }
  });

  it("is its hash each time where the tags are no digests, as with keys of a key service", async (t) => {
    const { driver, artifact, server } = await openS3(t, {
      encryptionOptions: { enableEncryption: true, kmsKeyId: "key-1" },
    });

    for (const key of ["a", "b", "c"])
      await driver.saveFile(artifact(key), fileOf("f", noise(kib)), patience());

    assert.deepEqual(payloadsOf(server.requests), ["by its hash", "by its hash", "by its hash"]);
  });

  for (const [status, code] of [
    [403, "AccessDenied"],
    [400, "InvalidRequest"],
    [501, "NotImplemented"],
  ] as const) {
    it(`is its hash from then on where the store answers ${code} otherwise`, async (t) => {
      const { driver, artifact, server } = await openS3(t);
      server.addFault({ match: { payload: "UNSIGNED-PAYLOAD" }, kind: "status", status, code });
      const content = noise(kib);

      for (const key of ["a", "b", "c"])
        await driver.saveFile(artifact(key), fileOf("f", content), patience());

      assert.deepEqual(payloadsOf(server.requests), [
        "by its hash",
        "by its MD5",
        "by its hash",
        "by its hash",
      ]);
      // The SHA-256 that stays with the object was not what the store minded.
      assert.ok(
        server.requests.every(({ headers, method }) =>
          method !== "PUT" ? true : headers["x-amz-meta-outrider-sha256"] !== undefined,
        ),
      );
      assert.ok((await load(driver, artifact("b"))).equals(content));
    });
  }

  it("is its hash again, for the same object first, once a tag is another one than the MD5", async (t) => {
    const requests: { readonly method: string; readonly headers: Headers; readonly path: string }[] = [];
    const server = createServer(async (request, response) => {
      const body = await buffer(request);
      requests.push({ method: request.method ?? "", headers: request.headers, path: request.url ?? "" });
      const md5 = createHash("md5").update(body).digest("hex");
      const isOther = request.url?.endsWith("other") === true;
      response.writeHead(200, { etag: isOther ? `"${"0".repeat(32)}"` : `"${md5}"` }).end();
    }).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await new Promise((done) => server.once("listening", done));
    const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const driver = await openDriver(s3Artifact(endpoint, "unused"), surroundings(secrets));
    t.after(() => driver[Symbol.asyncDispose]());

    for (const key of ["first", "second", "other", "third"])
      await driver.saveFile(s3Artifact(endpoint, key), fileOf("f", noise(kib)), patience());

    const paths = requests.filter(({ method }) => method === "PUT").map(({ path }) => path.split("/").at(-1));
    assert.deepEqual(paths, ["first", "second", "other", "other", "third"]);
    assert.deepEqual(payloadsOf(requests), [
      "by its hash",
      "by its MD5",
      "by its MD5",
      "by its hash",
      "by its hash",
    ]);
  });
});
