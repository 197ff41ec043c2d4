import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import {
  AbortMultipartUploadCommand,
  type ChecksumAlgorithm,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  ListPartsCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { objectClient, objectServer, temporaryFolder } from "./object-client.ts";

const Bucket = "ml";

async function content(client: S3Client, Key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return buffer(Body as Readable);
}

describe("Object server", () => {
  it("keeps an object with its type and user metadata", async (t) => {
    const client = objectClient(t, await objectServer(t));

    await client.send(
      new PutObjectCommand({
        Bucket,
        Key: "run/model.json",
        Body: "{}",
        ContentType: "application/json",
        Metadata: { owner: "ana" },
      }),
    );
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: "run/model.json" }));

    assert.equal(head.ContentLength, 2);
    assert.equal(head.ContentType, "application/json");
    assert.deepEqual(head.Metadata, { owner: "ana" });
    assert.equal(head.ETag, '"99914b932bd37a50b983c5e7c90ae93b"');
    assert.equal((await content(client, "run/model.json")).toString(), "{}");
  });

  it("stores a stream of unknown checksum sent in chunks with a trailer", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const bytes = randomBytes(3_000_000);

    await client.send(
      new PutObjectCommand({
        Bucket,
        Key: "stream",
        Body: Readable.from([bytes.subarray(0, 1_000_001), bytes.subarray(1_000_001)]),
        ContentLength: bytes.length,
      }),
    );

    assert.ok((await content(client, "stream")).equals(bytes));
  });

  for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] satisfies ChecksumAlgorithm[]) {
    it(`verifies and keeps a ${algorithm} checksum`, async (t) => {
      const client = objectClient(t, await objectServer(t));
      const bytes = randomBytes(100_003);

      await client.send(
        new PutObjectCommand({ Bucket, Key: "k", Body: bytes, ChecksumAlgorithm: algorithm }),
      );
      const read = await client.send(new GetObjectCommand({ Bucket, Key: "k", ChecksumMode: "ENABLED" }));

      assert.ok((await buffer(read.Body as Readable)).equals(bytes));
      assert.ok(read[`Checksum${algorithm}`]);
    });
  }

  it("S15: gives back every key exactly as it was sent", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const keys = [
      "a b#c?d%e+f&g=h",
      "ünï/日本/🎉",
      "../../etc/passwd",
      "/leading",
      "//",
      "dir",
      "dir/",
      "dir/file",
      "a\u0001b\nc\td",
      "%41%2F",
      "<&>\"'",
      "x".repeat(1024),
    ];

    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const listed = await client.send(new ListObjectsV2Command({ Bucket, EncodingType: "url" }));

    for (const key of keys) assert.equal((await content(client, key)).toString(), key);
    const names = listed.Contents?.map(({ Key = "" }) => decodeURIComponent(Key));
    assert.deepEqual(
      names,
      [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  });

  it("serves ranges, also over the borders of parts", async (t) => {
    const client = objectClient(t, await objectServer(t, { partBytesMin: 1 }));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: "k" }));
    const parts = [];
    for (const [index, Body] of ["hello ", "big ", "world"].entries()) {
      const PartNumber = index + 1;
      const { ETag } = await client.send(
        new UploadPartCommand({ Bucket, Key: "k", UploadId, PartNumber, Body }),
      );
      parts.push({ PartNumber, ETag });
    }
    await client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key: "k", UploadId, MultipartUpload: { Parts: parts } }),
    );
    const range = async (Range: string) => {
      const { Body, ContentRange } = await client.send(new GetObjectCommand({ Bucket, Key: "k", Range }));
      return [(await buffer(Body as Readable)).toString(), ContentRange];
    };

    assert.deepEqual(await range("bytes=4-11"), ["o big wo", "bytes 4-11/15"]);
    assert.deepEqual(await range("bytes=12-"), ["rld", "bytes 12-14/15"]);
    assert.deepEqual(await range("bytes=-5"), ["world", "bytes 10-14/15"]);
    await assert.rejects(range("bytes=15-"), { name: "InvalidRange" });
  });

  it("refuses a read whose If-Match names another version", async (t) => {
    const client = objectClient(t, await objectServer(t));
    await client.send(new PutObjectCommand({ Bucket, Key: "k", Body: "1" }));

    const read = client.send(new GetObjectCommand({ Bucket, Key: "k", IfMatch: '"other"' }));

    await assert.rejects(read, { name: "PreconditionFailed" });
  });

  it("writes only once under If-None-Match: *", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const put = (Body: string) =>
      client.send(new PutObjectCommand({ Bucket, Key: "k", Body, IfNoneMatch: "*" }));

    await put("1");

    await assert.rejects(put("2"), { name: "PreconditionFailed" });
    assert.equal((await content(client, "k")).toString(), "1");
  });

  it("pages through a listing, folding what shares a delimiter", async (t) => {
    const client = objectClient(t, await objectServer(t));
    for (const Key of ["a/1", "a/2", "a/b/3", "a/b/4", "a/c/5", "a/z", "b"]) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body: "-" }));
    }

    const seen: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket, Prefix: "a/", Delimiter: "/", MaxKeys: 2, ContinuationToken }),
      );
      seen.push(...(page.Contents ?? []).map(({ Key }) => Key));
      seen.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);

    assert.deepEqual(seen, ["a/1", "a/2", "a/b/", "a/c/", "a/z"]);
    const after = await client.send(new ListObjectsV2Command({ Bucket, StartAfter: "a/c/5" }));
    assert.deepEqual(
      after.Contents?.map(({ Key }) => Key),
      ["a/z", "b"],
    );
  });

  it("lists thousands of keys in order while they come and go", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const keys = Array.from({ length: 1500 }, (_, index) => ((index * 7919) % 100_003).toString(36));
    const Objects = keys.slice(0, 700).map((Key) => ({ Key }));

    await Promise.all(keys.map((Key) => client.send(new PutObjectCommand({ Bucket, Key, Body: "-" }))));
    const first = await client.send(new ListObjectsV2Command({ Bucket }));
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    const second = await client.send(new ListObjectsV2Command({ Bucket }));

    const names = (page: ListObjectsV2CommandOutput) => page.Contents?.map(({ Key }) => Key);
    assert.deepEqual(names(first), [...keys].sort().slice(0, 1000));
    assert.deepEqual(names(second), keys.slice(700).sort());
  });

  it("speaks the first version of the listing with markers", async (t) => {
    const client = objectClient(t, await objectServer(t));
    for (const Key of ["a/1", "a/2", "b/1", "c"]) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body: "-" }));
    }

    const first = await client.send(new ListObjectsCommand({ Bucket, Delimiter: "/", MaxKeys: 1 }));
    const second = await client.send(
      new ListObjectsCommand({ Bucket, Delimiter: "/", Marker: first.NextMarker }),
    );

    assert.equal(first.NextMarker, "a/");
    assert.deepEqual(
      second.CommonPrefixes?.map(({ Prefix }) => Prefix),
      ["b/"],
    );
    assert.deepEqual(
      second.Contents?.map(({ Key }) => Key),
      ["c"],
    );
  });

  it("deletes one object, absent ones too, and up to 1,000 at once", async (t) => {
    const client = objectClient(t, await objectServer(t));
    for (const Key of ["1", "2&3", "4"]) await client.send(new PutObjectCommand({ Bucket, Key, Body: "-" }));

    await client.send(new DeleteObjectCommand({ Bucket, Key: "1" }));
    await client.send(new DeleteObjectCommand({ Bucket, Key: "1" }));
    const many = await client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "2&3" }, { Key: "none" }] } }),
    );
    const quiet = await client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "4" }], Quiet: true } }),
    );

    assert.deepEqual(
      many.Deleted?.map(({ Key }) => Key),
      ["2&3", "none"],
    );
    assert.equal(quiet.Deleted, undefined);
    assert.equal((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
    const Objects = Array.from({ length: 1001 }, (_, index) => ({ Key: `${index}` }));
    await assert.rejects(client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } })), {
      name: "MalformedXML",
    });
  });

  it("makes, finds, lists and deletes buckets", async (t) => {
    const client = objectClient(t, await objectServer(t));

    await client.send(new CreateBucketCommand({ Bucket: "other" }));

    await client.send(new HeadBucketCommand({ Bucket: "other" }));
    const { Buckets } = await client.send(new ListBucketsCommand());
    assert.deepEqual(
      Buckets?.map(({ Name }) => Name),
      ["ml", "other"],
    );
    const location = await client.send(new GetBucketLocationCommand({ Bucket: "other" }));
    assert.equal(location.LocationConstraint ?? "", "");
    await assert.rejects(client.send(new CreateBucketCommand({ Bucket: "other" })), {
      name: "BucketAlreadyOwnedByYou",
    });
    await client.send(new PutObjectCommand({ Bucket: "other", Key: "k", Body: "-" }));
    await assert.rejects(client.send(new DeleteBucketCommand({ Bucket: "other" })), {
      name: "BucketNotEmpty",
    });
    await client.send(new DeleteObjectCommand({ Bucket: "other", Key: "k" }));
    await client.send(new DeleteBucketCommand({ Bucket: "other" }));
    await assert.rejects(client.send(new HeadBucketCommand({ Bucket: "other" })), { name: "NotFound" });
    await assert.rejects(client.send(new ListObjectsV2Command({ Bucket: "other" })), {
      name: "NoSuchBucket",
    });
  });

  it("answers with the code that S3 has for a missing key", async (t) => {
    const client = objectClient(t, await objectServer(t));

    await assert.rejects(client.send(new GetObjectCommand({ Bucket, Key: "none" })), { name: "NoSuchKey" });
    await assert.rejects(client.send(new HeadObjectCommand({ Bucket, Key: "none" })), { name: "NotFound" });
    await assert.rejects(client.send(new PutObjectCommand({ Bucket: "none", Key: "k", Body: "-" })), {
      name: "NoSuchBucket",
    });
  });

  it("remembers the encryption asked for, and that of the bucket", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const } };

    await client.send(
      new PutObjectCommand({
        Bucket,
        Key: "k",
        Body: "x",
        ServerSideEncryption: "aws:kms",
        SSEKMSKeyId: "key-1",
      }),
    );
    await client.send(
      new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [rule] } }),
    );
    const plain = await client.send(new PutObjectCommand({ Bucket, Key: "p", Body: "x" }));

    const head = await client.send(new HeadObjectCommand({ Bucket, Key: "k" }));
    assert.deepEqual([head.ServerSideEncryption, head.SSEKMSKeyId], ["aws:kms", "key-1"]);
    assert.equal(plain.ServerSideEncryption, "AES256");
    const read = await client.send(new GetBucketEncryptionCommand({ Bucket }));
    assert.equal(
      read.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
      "AES256",
    );
  });

  it("asks for the customer's key again", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const key = { SSECustomerAlgorithm: "AES256", SSECustomerKey: randomBytes(32).toString("base64") };
    await client.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x", ...key }));

    const read = await client.send(new GetObjectCommand({ Bucket, Key: "k", ...key }));

    assert.equal(read.SSECustomerAlgorithm, "AES256");
    assert.ok(read.SSECustomerKeyMD5);
    await assert.rejects(content(client, "k"), { name: "InvalidRequest" });
    const wrong = { ...key, SSECustomerKey: randomBytes(32).toString("base64") };
    await assert.rejects(client.send(new GetObjectCommand({ Bucket, Key: "k", ...wrong })), {
      name: "AccessDenied",
    });
  });

  it("serves the same objects after a restart on the same folder", async (t) => {
    const directory = await temporaryFolder(t);
    const first = await objectServer(t, { directory });
    const client = objectClient(t, first);
    for (const Key of ["kept", "deleted"]) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body: Key, ContentType: "text/plain" }));
    }
    await client.send(new DeleteObjectCommand({ Bucket, Key: "deleted" }));
    await first[Symbol.asyncDispose]();

    const again = objectClient(t, await objectServer(t, { directory }));

    assert.equal((await content(again, "kept")).toString(), "kept");
    assert.equal(
      (await again.send(new HeadObjectCommand({ Bucket, Key: "kept" }))).ContentType,
      "text/plain",
    );
    await assert.rejects(content(again, "deleted"), { name: "NoSuchKey" });
  });

  it("understands virtual-hosted addresses", async (t) => {
    const server = await objectServer(t);
    // Not every resolver knows names below localhost.
    const lookup = (_host: string, options: { all?: boolean }, done: (...result: unknown[]) => void) =>
      options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
    const agent = new Agent({ lookup } as object);
    const client = objectClient(t, server, {
      endpoint: `http://localhost:${server.port}`,
      forcePathStyle: false,
      requestHandler: new NodeHttpHandler({ httpAgent: agent }),
    });
    const object = { Bucket: "models", Key: "models/k" };

    await client.send(new CreateBucketCommand({ Bucket: "models" }));
    await client.send(new PutObjectCommand({ ...object, Body: "virtual" }));

    const { Body } = await client.send(new GetObjectCommand(object));
    assert.equal((await buffer(Body as Readable)).toString(), "virtual");
    assert.equal(server.requests[0]?.headers.host, `models.localhost:${server.port}`);
    const listed = await client.send(new ListObjectsV2Command({ Bucket: "models" }));
    assert.equal(listed.Contents?.[0]?.Key, "models/k");
  });
});

describe("Object server's multipart uploads", () => {
  const partBytes = 5 * 1024 * 1024;

  for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME"] satisfies ChecksumAlgorithm[]) {
    it(`verifies the ${algorithm} of the whole object against its parts`, async (t) => {
      const client = objectClient(t, await objectServer(t));
      const bytes = randomBytes(partBytes + 12_345);
      const whole = await client.send(
        new PutObjectCommand({ Bucket, Key: "whole", Body: bytes, ChecksumAlgorithm: algorithm }),
      );
      const created = await client.send(
        new CreateMultipartUploadCommand({
          Bucket,
          Key: "k",
          ChecksumAlgorithm: algorithm,
          ChecksumType: "FULL_OBJECT",
        }),
      );
      const upload = { Bucket, Key: "k", UploadId: created.UploadId };
      const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
      for (const PartNumber of [2, 1]) {
        const Body = bytes.subarray((PartNumber - 1) * partBytes, PartNumber * partBytes);
        const { ETag } = await client.send(
          new UploadPartCommand({ ...upload, PartNumber, Body, ChecksumAlgorithm: algorithm }),
        );
        Parts.unshift({ PartNumber, ETag });
      }
      const expected = whole[`Checksum${algorithm}`];
      const complete = (value: string | undefined) =>
        client.send(
          new CompleteMultipartUploadCommand({
            ...upload,
            MultipartUpload: { Parts },
            [`Checksum${algorithm}`]: value,
            MpuObjectSize: bytes.length,
          }),
        );

      await assert.rejects(complete(algorithm === "CRC64NVME" ? "AAAAAAAAAAA=" : "AAAAAA=="), {
        name: "BadDigest",
      });
      const done = await complete(expected);

      assert.equal(done[`Checksum${algorithm}`], expected);
      assert.match(done.ETag ?? "", /^"[0-9a-f]{32}-2"$/);
      assert.ok((await content(client, "k")).equals(bytes));
    });
  }

  it("keeps the checksum of checksums when the whole is not covered", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const { UploadId, ChecksumType } = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key: "k", ChecksumAlgorithm: "SHA256" }),
    );
    const part = await client.send(
      new UploadPartCommand({
        Bucket,
        Key: "k",
        UploadId,
        PartNumber: 7,
        Body: "x",
        ChecksumAlgorithm: "SHA256",
      }),
    );

    const done = await client.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: "k",
        UploadId,
        MultipartUpload: {
          Parts: [{ PartNumber: 7, ETag: part.ETag, ChecksumSHA256: part.ChecksumSHA256 }],
        },
      }),
    );

    assert.equal(ChecksumType, "COMPOSITE");
    assert.match(done.ChecksumSHA256 ?? "", /=-1$/);
  });

  it("refuses small parts, wrong etags and wrong order", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: "k" }));
    const upload = async (PartNumber: number) => {
      const part = { Bucket, Key: "k", UploadId, PartNumber, Body: "small" };
      return { PartNumber, ETag: (await client.send(new UploadPartCommand(part))).ETag };
    };
    const [one, two] = [await upload(1), await upload(2)];
    const complete = (Parts: { PartNumber: number; ETag: string | undefined }[]) =>
      client.send(
        new CompleteMultipartUploadCommand({ Bucket, Key: "k", UploadId, MultipartUpload: { Parts } }),
      );

    await assert.rejects(complete([one, two]), { name: "EntityTooSmall" });
    await assert.rejects(complete([two, one]), { name: "InvalidPartOrder" });
    await assert.rejects(complete([{ ...one, ETag: '"00"' }]), { name: "InvalidPart" });
    await assert.rejects(complete([{ ...one, PartNumber: 3 }]), { name: "InvalidPart" });
  });

  it("lists parts and uploads until they are aborted", async (t) => {
    const client = objectClient(t, await objectServer(t));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: "k" }));
    for (const PartNumber of [3, 1]) {
      await client.send(new UploadPartCommand({ Bucket, Key: "k", UploadId, PartNumber, Body: "x" }));
    }

    const parts = await client.send(new ListPartsCommand({ Bucket, Key: "k", UploadId, MaxParts: 1 }));
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }));
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key: "k", UploadId }));

    assert.deepEqual(
      parts.Parts?.map(({ PartNumber }) => PartNumber),
      [1],
    );
    assert.equal(parts.IsTruncated, true);
    assert.deepEqual(
      uploads.Uploads?.map(({ Key }) => Key),
      ["k"],
    );
    await assert.rejects(client.send(new ListPartsCommand({ Bucket, Key: "k", UploadId })), {
      name: "NoSuchUpload",
    });
    await assert.rejects(content(client, "k"), { name: "NoSuchKey" });
  });
});
