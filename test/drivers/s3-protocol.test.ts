import assert from "node:assert/strict";
import { argon2Sync } from "node:crypto";
import { describe, it } from "node:test";
import { deriveCustomerKey, openEncryption } from "../../src/artifacts/drivers/s3/encryption.ts";
import { bucketTarget, parseEndpoint } from "../../src/artifacts/drivers/s3/endpoint.ts";
import { readFailure, toError } from "../../src/artifacts/drivers/s3/errors.ts";
import { encodePath, Signer } from "../../src/artifacts/drivers/s3/signature.ts";
import { elements, encodeXml, textOf } from "../../src/artifacts/xml.ts";
import { surroundings } from "./surroundings.ts";

describe("Signature Version 4", () => {
  // Amazon S3 API Reference, "Signature Calculations for the Authorization Header", examples.
  const credentials = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  };
  const now = new Date("2013-05-24T00:00:00Z");
  const host = "examplebucket.s3.amazonaws.com";
  const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const signature = (
    request: Omit<Parameters<Signer["sign"]>[0], "payloadHash"> & { payloadHash?: string },
  ) => {
    const signed = new Signer(credentials, "us-east-1").sign({ payloadHash: emptyHash, ...request }, now);
    return /Signature=(\w+)/.exec(signed.authorization ?? "")?.[1];
  };

  it("signs a GET with a range as Amazon's example does", () => {
    assert.equal(
      signature({ method: "GET", path: "/test.txt", query: {}, headers: { host, range: "bytes=0-9" } }),
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
  });

  it("signs a PUT as Amazon's example does", () => {
    const headers = {
      host,
      date: "Fri, 24 May 2013 00:00:00 GMT",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    };
    const payloadHash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    assert.equal(
      signature({ method: "PUT", path: encodePath("/test$file.text"), query: {}, headers, payloadHash }),
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
  });

  it("signs queries with and without values as Amazon's examples do", () => {
    assert.equal(
      signature({ method: "GET", path: "/", query: { lifecycle: "" }, headers: { host } }),
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    assert.equal(
      signature({ method: "GET", path: "/", query: { prefix: "J", "max-keys": "2" }, headers: { host } }),
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
  });

  it("encodes every byte of a key but the unreserved ones and the slash", () => {
    assert.equal(
      encodePath("a b/ü+!*'()~%?#&=:@$,;"),
      "a%20b/%C3%BC%2B%21%2A%27%28%29~%25%3F%23%26%3D%3A%40%24%2C%3B",
    );
  });
});

describe("S3 endpoint", () => {
  for (const [endpoint, message] of [
    ["", /Endpoint url cannot be empty\./],
    ["https://minio:9000", /Endpoint url cannot have fully qualified paths\./],
    ["minio:9000/path", /Endpoint url cannot have fully qualified paths\./],
    ["mi nio", /Endpoint: mi nio does not follow ip address or domain name standards\./],
    ["minio:port", /does not follow ip address or domain name standards\./],
    ["bucket.s3.amazonaws.com", /Amazon S3 endpoint should be 's3\.amazonaws\.com'\./],
    ["www.googleapis.com", /Google Cloud Storage endpoint should be 'storage\.googleapis\.com'\./],
  ] as const) {
    it(`refuses ${JSON.stringify(endpoint)} in the words of the reference`, () => {
      assert.throws(
        () => parseEndpoint(endpoint, true),
        (error: Error) => {
          assert.match(error.message, /^failed to create new S3 client: /);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  for (const [endpoint, insecure, bucket, style, origin, path] of [
    ["minio:9000", true, "b", "auto", "http://minio:9000", "/b"],
    ["minio:80", true, "b", "auto", "http://minio", "/b"],
    ["store.example.com:443", false, "b", "virtual-hosted", "https://b.store.example.com", ""],
    ["[::1]:9000", true, "b", "auto", "http://[::1]:9000", "/b"],
    ["s3.amazonaws.com", false, "b", "auto", "https://b.s3.dualstack.eu-west-1.amazonaws.com", ""],
    ["s3.amazonaws.com", false, "b.c", "auto", "https://s3.dualstack.eu-west-1.amazonaws.com", "/b.c"],
    ["s3.amazonaws.com", false, "b", "path", "https://s3.dualstack.eu-west-1.amazonaws.com", "/b"],
    [
      "s3-fips.us-gov-west-1.amazonaws.com",
      false,
      "b",
      "auto",
      "https://b.s3-fips.us-gov-west-1.amazonaws.com",
      "",
    ],
    [
      "bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com",
      false,
      "b",
      "path",
      "https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com",
      "/b",
    ],
    ["storage.googleapis.com", false, "b", "auto", "https://b.storage.googleapis.com", ""],
    ["oss-cn-hangzhou.aliyuncs.com", false, "b", "auto", "https://b.oss-cn-hangzhou.aliyuncs.com", ""],
  ] as const) {
    it(`reaches bucket ${bucket} of ${endpoint} (${style}) at ${origin}${path}`, () => {
      const target = bucketTarget(parseEndpoint(endpoint, insecure), bucket, "eu-west-1", style);

      assert.equal(target.origin, origin);
      assert.equal(target.pathPrefix, path);
      assert.equal(`${insecure ? "http" : "https"}://${target.host}`, origin);
    });
  }

  it("reads the region from the names of regional endpoints", () => {
    assert.equal(parseEndpoint("s3.eu-central-1.amazonaws.com", false).region, "eu-central-1");
    assert.equal(parseEndpoint("s3-us-west-2.amazonaws.com", false).region, "us-west-2");
    assert.equal(parseEndpoint("s3.cn-north-1.amazonaws.com.cn", false).region, "cn-north-1");
    assert.equal(parseEndpoint("s3-fips.us-gov-west-1.amazonaws.com", false).region, "us-gov-west-1");
    assert.equal(parseEndpoint("s3.amazonaws.com", false).region, undefined);
    assert.equal(parseEndpoint("minio:9000", true).region, undefined);
  });
});

describe("S3 encryption", () => {
  const location = (encryptionOptions: object, insecure = false) => ({
    bucket: "bucket-1",
    insecure,
    encryptionOptions,
  });

  it("derives with the Argon2id of RFC 9106", () => {
    const tag = argon2Sync("argon2id", {
      message: Buffer.alloc(32, 1),
      nonce: Buffer.alloc(16, 2),
      secret: Buffer.alloc(8, 3),
      associatedData: Buffer.alloc(12, 4),
      passes: 3,
      memory: 32,
      parallelism: 4,
      tagLength: 32,
    });

    assert.equal(tag.toString("hex"), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
  });

  it("gives every object a key of its own, from the password, the bucket and the key without a separator", async () => {
    const password = Buffer.from("correct horse\n");
    const derived = await deriveCustomerKey(password, "bucket", "key");

    assert.equal(derived.byteLength, 32);
    assert.deepEqual(derived, await deriveCustomerKey(password, "buck", "etkey"));
    assert.notDeepEqual(derived, await deriveCustomerKey(password, "bucket", "key2"));
  });

  it("sends the customer's key with every request that touches bytes", async () => {
    const context = surroundings({ "sse/password": "correct horse" });
    const options = { enableEncryption: true, serverSideCustomerKeySecret: { name: "sse", key: "password" } };

    const encryption = await openEncryption(location(options), context);

    const headers = await encryption.forBytes("k");
    assert.equal(headers["x-amz-server-side-encryption-customer-algorithm"], "AES256");
    assert.equal(
      Buffer.from(headers["x-amz-server-side-encryption-customer-key"] ?? "", "base64").length,
      32,
    );
    assert.deepEqual(await encryption.forWriting("k"), headers);
  });

  it("names a salt that is too short for a key", async () => {
    await assert.rejects(deriveCustomerKey(Buffer.from("password"), "abc", "k"), /use a longer key/);
  });

  it("encodes the KMS context once", async () => {
    const options = { enableEncryption: true, kmsKeyId: "key-1", kmsEncryptionContext: '{ "team" : "a" }' };

    const headers = await (await openEncryption(location(options), surroundings())).forWriting("k");

    const context = headers["x-amz-server-side-encryption-context"] ?? "";
    assert.equal(Buffer.from(context, "base64").toString(), '{"team":"a"}');
    assert.equal(headers["x-amz-server-side-encryption"], "aws:kms");
  });

  it("asks for nothing where encryption is not enabled", async () => {
    const encryption = await openEncryption(location({ kmsKeyId: "key-1" }), surroundings());

    assert.deepEqual(await encryption.forWriting("k"), {});
  });

  it("refuses what cannot go together", async () => {
    const customer = {
      enableEncryption: true,
      serverSideCustomerKeySecret: { name: "sse", key: "password" },
    };
    await assert.rejects(
      openEncryption(location({ ...customer, kmsKeyId: "key-1" }), surroundings()),
      /serverSideCustomerKeySecret and kmsKeyId cannot be set together/,
    );
    await assert.rejects(openEncryption(location(customer, true), surroundings()), /secure must be set/);
    await assert.rejects(
      openEncryption(
        location({ enableEncryption: true, kmsKeyId: "k", kmsEncryptionContext: "{" }),
        surroundings(),
      ),
      /failed to parse KMS encryption context/,
    );
  });
});

describe("S3 answers", () => {
  const failure = (status: number, body: string) =>
    toError(
      readFailure({
        status,
        body,
        retryAfterMs: undefined,
        header: () => undefined,
        isTransient: () => false,
      }),
    );
  const document = (code: string) =>
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`;

  for (const [status, body, code] of [
    [500, "", "Transient"],
    [502, "<html>bad gateway</html>", "Transient"],
    [503, document("SlowDown"), "Transient"],
    [400, document("RequestTimeout"), "Transient"],
    [429, "", "Transient"],
    [501, document("NotImplemented"), "Unsupported"],
    [404, document("NoSuchKey"), "NotFound"],
    [404, "", "NotFound"],
    [404, document("NoSuchBucket"), "BadRequest"],
    [403, document("AccessDenied"), "Forbidden"],
    [403, document("InvalidAccessKeyId"), "Unauthorized"],
    [412, document("PreconditionFailed"), "Conflict"],
    [400, document("EntityTooLarge"), "TooLarge"],
    [400, document("Whatever"), "BadRequest"],
  ] as const) {
    it(`means ${code} by ${status} ${body.replace(/<\/?\w+>|<\?.*?\?>/g, " ").trim() || "without a body"}`, () => {
      assert.equal(failure(status, body).code, code);
    });
  }

  it("reads elements with attributes, entities and repetitions", () => {
    const xml =
      '<L xmlns="x"><Key>a&amp;b &#x1F701;</Key><C a="1"><Key>1</Key></C><C><Key>2</Key></C><Keyed/></L>';

    assert.equal(textOf(xml, "Key"), "a&b 🜁");
    assert.deepEqual(elements(xml, "C"), ["<Key>1</Key>", "<Key>2</Key>"]);
    assert.equal(textOf(xml, "Nothing"), undefined);
    assert.equal(textOf(`<a>${encodeXml("<&>\"'\n\r")}</a>`, "a"), "<&>\"'\n\r");
  });
});
