import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import { credentials, objectServer } from "./object-client.ts";
import { type RawRequest, send, sendSigned, sha256, signedChunks } from "./signed-request.ts";

const putObject = { method: "PUT", path: "/ml/k" };

function crc32Base64(data: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(data));
  return bytes.toString("base64");
}

describe("Object server's signatures", () => {
  const cases: readonly [string, RawRequest, number, string | undefined][] = [
    ["accepts a signed request", { path: "/ml?location" }, 200, undefined],
    ["refuses an unknown access key", { path: "/ml", accessKey: "who" }, 403, "InvalidAccessKeyId"],
    ["refuses a wrong secret key", { path: "/ml", secretKey: "guess" }, 403, "SignatureDoesNotMatch"],
    ["refuses the wrong region", { path: "/ml", region: "eu-west-1" }, 400, "AuthorizationHeaderMalformed"],
    ["refuses a token that nobody gave out", { path: "/ml", token: "t" }, 400, "InvalidToken"],
    [
      "refuses a header that is not covered by the signature",
      { path: "/ml", unsigned: { "x-amz-meta-a": "b" } },
      403,
      "AccessDenied",
    ],
    [
      "S13: names the skew of a clock that is 20 minutes off",
      { path: "/ml", at: new Date(Date.now() - 20 * 60_000) },
      403,
      "RequestTimeTooSkewed",
    ],
    [
      "verifies the hash of the body",
      { ...putObject, body: "sent", payload: sha256("other") },
      400,
      "XAmzContentSHA256Mismatch",
    ],
    ["accepts an unsigned body", { ...putObject, body: "sent", payload: "UNSIGNED-PAYLOAD" }, 200, undefined],
    ["does not know other payload names", { ...putObject, payload: "NONE" }, 400, "InvalidArgument"],
  ];

  for (const [title, raw, status, code] of cases) {
    it(title, async (t) => {
      const answer = await sendSigned(await objectServer(t), raw);

      assert.deepEqual([answer.status, answer.code], [status, code], answer.body);
    });
  }

  it("refuses a request without a signature", async (t) => {
    const answer = await send(await objectServer(t), "GET", "/ml", {});

    assert.deepEqual([answer.status, answer.code], [403, "AccessDenied"]);
  });

  it("tells its own time to clients whose clock is off", async (t) => {
    const server = await objectServer(t, { clockOffsetMs: 20 * 60_000 });

    const answer = await sendSigned(server, { path: "/ml" });

    assert.equal(answer.code, "RequestTimeTooSkewed");
    assert.ok(Date.parse(answer.headers.date ?? "") > Date.now() + 19 * 60_000);
    assert.match(answer.body, /<ServerTime>/);
  });

  it("S6: accepts only the new credentials after a rotation", async (t) => {
    const server = await objectServer(t);

    server.replaceCredentials({ accessKey: "new", secretKey: "new-secret", sessionToken: "new-token" });

    const former = await sendSigned(server, { path: "/ml" });
    const present = { path: "/ml", accessKey: "new", secretKey: "new-secret" };
    assert.equal(former.code, "InvalidAccessKeyId");
    assert.equal((await sendSigned(server, present)).code, "InvalidToken");
    assert.equal((await sendSigned(server, { ...present, token: "new-token" })).status, 200);
  });

  it("accepts a presigned URL until it expires", async (t) => {
    const server = await objectServer(t);
    await sendSigned(server, { ...putObject, body: "content" });
    const presigned = (at: Date) => {
      const date = at.toISOString().replace(/[-:]|\.\d+/g, "");
      const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
      const query = [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        `X-Amz-Credential=${encodeURIComponent(`${credentials.accessKey}/${scope}`)}`,
        `X-Amz-Date=${date}`,
        "X-Amz-Expires=60",
        "X-Amz-SignedHeaders=host",
      ].join("&");
      const canonical = `GET\n/ml/k\n${query}\nhost:${server.endpoint}\n\nhost\nUNSIGNED-PAYLOAD`;
      const key = scope
        .split("/")
        .reduce<string | Buffer>(
          (last, step) => createHmac("sha256", last).update(step).digest(),
          `AWS4${credentials.secretKey}`,
        );
      const signature = createHmac("sha256", key)
        .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`)
        .digest("hex");
      return `/ml/k?${query}&X-Amz-Signature=${signature}`;
    };

    const fresh = await send(server, "GET", presigned(new Date()), {});
    const stale = await send(server, "GET", presigned(new Date(Date.now() - 61_000)), {});
    const changed = await send(server, "GET", presigned(new Date()).replace("Expires=60", "Expires=61"), {});

    assert.deepEqual([fresh.status, fresh.body], [200, "content"]);
    assert.deepEqual([stale.code, changed.code], ["AccessDenied", "SignatureDoesNotMatch"]);
  });
});

describe("Object server's chunked bodies", () => {
  const streaming = { ...putObject, payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" };
  const headers = { "content-encoding": "aws-chunked,gzip", "x-amz-decoded-content-length": "11" };

  it("R21: stores what the chunks hold, without their wrapping", async (t) => {
    const server = await objectServer(t);

    const put = await sendSigned(server, {
      ...streaming,
      headers,
      chunks: (signer) => signedChunks(signer, ["hello ", "world"]),
    });
    const get = await sendSigned(server, { path: "/ml/k" });

    assert.equal(put.status, 200, put.body);
    assert.deepEqual([get.body, get.headers["content-encoding"]], ["hello world", "gzip"]);
  });

  it("verifies a signed trailer and the checksum in it", async (t) => {
    const server = await objectServer(t);
    const put = (checksum: string, forged = false) =>
      sendSigned(server, {
        ...putObject,
        payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        headers: { ...headers, "x-amz-trailer": "x-amz-checksum-crc32" },
        chunks: (signer) => {
          const body = signedChunks(signer, ["hello world"], { "x-amz-checksum-crc32": checksum });
          return forged ? Buffer.from(body.toString().replace(checksum, crc32Base64("x"))) : body;
        },
      });

    assert.equal((await put(crc32Base64("hello world"))).status, 200);
    assert.equal((await put(crc32Base64("other"))).code, "BadDigest");
    assert.equal((await put(crc32Base64("hello world"), true)).code, "SignatureDoesNotMatch");
  });

  it("refuses a chunk that was changed on the way", async (t) => {
    const server = await objectServer(t);

    const put = await sendSigned(server, {
      ...streaming,
      headers,
      chunks: (signer) =>
        Buffer.from(signedChunks(signer, ["hello ", "world"]).toString().replace("world", "earth")),
    });

    assert.deepEqual([put.status, put.code], [403, "SignatureDoesNotMatch"]);
    assert.equal((await sendSigned(server, { path: "/ml/k" })).code, "NoSuchKey");
  });

  it("refuses a body that is shorter or longer than it says", async (t) => {
    const server = await objectServer(t);
    const put = (length: number, cut: number) =>
      sendSigned(server, {
        ...streaming,
        headers: { ...headers, "x-amz-decoded-content-length": String(length) },
        chunks: (signer) => {
          const body = signedChunks(signer, ["hello ", "world"]);
          return body.subarray(0, body.length - cut);
        },
      });

    assert.equal((await put(12, 0)).code, "IncompleteBody");
    assert.equal((await put(11, 100)).code, "IncompleteBody");
  });
});

describe("Object server's digests", () => {
  it("compares Content-MD5 and checksums with what arrived", async (t) => {
    const server = await objectServer(t);
    const put = async (headers: Record<string, string>) =>
      (await sendSigned(server, { ...putObject, body: "content", headers })).code;
    const md5 = (data: string) => createHash("md5").update(data).digest("base64");

    assert.equal(await put({ "content-md5": md5("content") }), undefined);
    assert.equal(await put({ "content-md5": md5("other") }), "BadDigest");
    assert.equal(await put({ "content-md5": "short" }), "InvalidDigest");
    assert.equal(await put({ "x-amz-checksum-crc32": crc32Base64("other") }), "BadDigest");
    assert.equal(await put({ "x-amz-checksum-md4": "x" }), "InvalidRequest");
  });

  it("computes the check values of the checksums' definitions", async (t) => {
    const server = await objectServer(t);
    const put = async (name: string, hex: string) => {
      const value = Buffer.from(hex, "hex").toString("base64");
      const headers = { [`x-amz-checksum-${name}`]: value };
      return (await sendSigned(server, { ...putObject, body: "123456789", headers })).status;
    };

    assert.equal(await put("crc32", "cbf43926"), 200);
    assert.equal(await put("crc32c", "e3069283"), 200);
    assert.equal(await put("crc64nvme", "ae8b14860a799888"), 200);
  });

  it("wants a digest with DeleteObjects", async (t) => {
    const body = "<Delete><Object><Key>k</Key></Object></Delete>";

    const answer = await sendSigned(await objectServer(t), { method: "POST", path: "/ml?delete", body });

    assert.deepEqual([answer.status, answer.code], [400, "InvalidRequest"]);
  });

  it("says what it does not implement", async (t) => {
    const server = await objectServer(t);

    const acl = await sendSigned(server, { path: "/ml/k?acl" });

    assert.deepEqual([acl.code, acl.status], ["NotImplemented", 501]);
  });

  it("copies nothing that is not there", async (t) => {
    const server = await objectServer(t);

    const copy = await sendSigned(server, { ...putObject, headers: { "x-amz-copy-source": "/ml/a" } });

    assert.deepEqual([copy.code, copy.status], ["NoSuchKey", 404]);
  });

  it("S15: refuses a key of more than 1,024 bytes", async (t) => {
    const answer = await sendSigned(await objectServer(t), {
      method: "PUT",
      path: `/ml/${"x".repeat(1025)}`,
    });

    assert.equal(answer.code, "KeyTooLongError");
  });
});
