import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { Storage } from "@google-cloud/storage";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { type Azurite, account, accountKey, startAzurite } from "../servers/azurite.ts";
import { startFront } from "../servers/front.ts";
import { s3Artifact, startS3 } from "./s3-location.ts";
import { startAzure, startGcs, startOss } from "./stores.ts";
import { load } from "./suite.ts";
import { fileOf, keysOf, noise, patience, surroundings, temporaryFolder, treeOf } from "./surroundings.ts";
import { startTokenServer } from "./token-server.ts";

describe("Azure driver: what Azure's own client makes", () => {
  let azurite: Azurite;
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite[Symbol.asyncDispose]());
  const credential = new StorageSharedKeyCredential(account, accountKey);

  /** A location whose secret is a signature that Azure's client made, which the emulator checks. */
  const startWithSas = async (t: TestContext, permissions: string, lifeMs: number) => {
    const azure = await startAzure(t, azurite.endpoint);
    const sas = generateBlobSASQueryParameters(
      {
        containerName: azure.container,
        permissions: ContainerSASPermissions.parse(permissions),
        startsOn: new Date(Date.now() - 3_600_000),
        expiresOn: new Date(Date.now() + lifeMs),
      },
      credential,
    ).toString();
    azure.context.secrets.set("azure/key", `?${sas}\n`);
    return { ...azure, signature: new URLSearchParams(sas).get("sig") ?? "" };
  };

  it("does everything with a shared access signature", async (t) => {
    const { context, artifact } = await startWithSas(t, "racwdl", 3_600_000);
    await using driver = await openDriver(artifact("x"), context);
    const content = noise(21 * 1024 * 1024);

    await driver.saveFile(artifact("a +&=?#/large"), fileOf("large", content), patience());
    await driver.saveTree(artifact("dir"), treeOf({ "a.txt": "a", "b/c.txt": "c" }), patience());

    assert.ok((await load(driver, artifact("a +&=?#/large"))).equals(content));
    assert.deepEqual(await keysOf(driver, artifact("dir"), patience()), ["dir/a.txt", "dir/b/c.txt"]);
    await driver.delete(artifact("dir"), patience());
    await assert.rejects(driver.open(artifact("dir"), patience()), (error) =>
      isExecutorError(error, "NotFound"),
    );
  });

  for (const [title, permissions, lifeMs, codes] of [
    ["has expired", "racwdl", -60_000, ["Unauthorized", "Forbidden"]],
    ["may only read", "rl", 3_600_000, ["Forbidden", "Unauthorized"]],
  ] as const) {
    it(`refuses a signature that ${title}, and does not show it`, async (t) => {
      const { context, artifact, signature } = await startWithSas(t, permissions, lifeMs);
      await using driver = await openDriver(artifact("x"), context);

      await assert.rejects(driver.saveFile(artifact("x"), fileOf("x", "x"), patience()), (error: Error) => {
        const shown = `${error.message} ${JSON.stringify(context.lines)}`;
        assert.ok(!shown.includes(signature) && !shown.includes(encodeURIComponent(signature)));
        return isExecutorError(error, ...codes);
      });
    });
  }

  it("takes the folders of hierarchical namespaces for what they are", async (t) => {
    const { context, artifact, container } = await startAzure(t, azurite.endpoint);
    const service = new BlobServiceClient(`http://${azurite.endpoint}/${account}`, credential);
    const client = service.getContainerClient(container);
    // As ADLS Gen2 shows them: empty blobs that say that they are folders.
    for (const name of ["dir", "dir/sub", "dir/empty"]) {
      const metadata = { hdi_isfolder: "true" };
      await client.getBlockBlobClient(name).upload("", 0, { metadata });
    }
    await client.getBlockBlobClient("dir/sub/a.txt").upload("a", 1);
    await client.getBlockBlobClient("dir2/b.txt").upload("b", 1);
    await using driver = await openDriver(artifact("x"), context);

    const stored = await driver.open(artifact("dir"), patience());

    assert.equal(stored.kind, "directory");
    if (stored.kind !== "directory") return;
    const folder = await temporaryFolder(t);
    await stored.download(folder);
    assert.deepEqual((await readdir(folder, { recursive: true })).sort(), ["empty", "sub", "sub/a.txt"]);
    assert.equal(await readFile(join(folder, "sub/a.txt"), "utf8"), "a");
    assert.deepEqual(await keysOf(driver, artifact("dir"), patience()), ["dir/sub/a.txt"]);
    await driver.delete(artifact("dir"), patience());
    const left: string[] = [];
    for await (const { name } of client.listBlobsFlat()) left.push(name);
    assert.deepEqual(left, ["dir2/b.txt"]);
  });
});

describe("GCS driver: objects that are stored as gzip (decompressive transcoding)", () => {
  const start = async (t: TestContext) => {
    const gcs = await startGcs(t);
    const storage = new Storage({ apiEndpoint: `http://${gcs.server}`, projectId: "project" });
    const driver = await openDriver(gcs.artifact("x"), gcs.context);
    t.after(() => driver[Symbol.asyncDispose]());
    return { ...gcs, driver, bucket: storage.bucket("bucket") };
  };
  const content = noise(3 * 1024 * 1024);

  it("are inflated, alone and in directories", async (t) => {
    const { driver, artifact, bucket } = await start(t);
    await bucket.file("dir/packed").save(content, { gzip: true, resumable: false });
    await bucket.file("dir/plain").save(content, { resumable: false });

    assert.ok((await load(driver, artifact("dir/packed"))).equals(content));
    const stored = await driver.open(artifact("dir"), patience());
    assert.equal(stored.kind, "directory");
    if (stored.kind !== "directory") return;
    const folder = await temporaryFolder(t);
    await stored.download(folder);
    assert.ok((await readFile(join(folder, "packed"))).equals(content));
    assert.ok((await readFile(join(folder, "plain"))).equals(content));
  });

  it("stay as they are where they must not be transformed, and where only the name says gzip", async (t) => {
    const { driver, artifact, bucket } = await start(t);
    const packed = gzipSync("content");
    const metadata = { contentEncoding: "gzip", cacheControl: "no-transform" };
    await bucket.file("kept").save(packed, { resumable: false, metadata });
    await bucket.file("a.tgz").save(packed, { resumable: false });

    assert.ok((await load(driver, artifact("kept"))).equals(packed));
    assert.ok((await load(driver, artifact("a.tgz"))).equals(packed));
  });

  it("are corrupt where they are no gzip, or not all of one", async (t) => {
    const { driver, artifact, bucket } = await start(t);
    for (const [key, bytes] of [
      ["none", Buffer.from("no gzip at all")],
      ["half", gzipSync(content).subarray(0, 1000)],
    ] as const) {
      await bucket.file(key).save(bytes, { resumable: false, metadata: { contentEncoding: "gzip" } });

      await assert.rejects(load(driver, artifact(key)), (error) => isExecutorError(error, "Corrupt"));
    }
  });
});

describe("OSS driver: the role of the instance", () => {
  const folder = "/latest/meta-data/ram/security-credentials/";
  const start = async (t: TestContext, isHardened: boolean, lifeMs = 3_600_000) => {
    const oss = await startOss(t);
    oss.server.keys.set("STS.id", { secret: "sts-secret", token: "sts-token" });
    const answer = () => ({
      AccessKeyId: "STS.id",
      AccessKeySecret: "sts-secret",
      SecurityToken: "sts-token",
      Expiration: new Date(Date.now() + lifeMs).toISOString(),
    });
    const metadata = await startTokenServer(t, ({ method, url, headers }) => {
      if (url === "/latest/api/token") return isHardened && method === "PUT" ? "session-token" : undefined;
      if (isHardened && headers["x-aliyun-ecs-metadata-token"] !== "session-token") return undefined;
      if (url === folder) return "worker-role";
      return url === `${folder}worker-role` ? answer() : undefined;
    });
    const variables = { ALIBABA_CLOUD_ECS_METADATA_ENDPOINT: `http://${metadata.endpoint}` };
    return { oss, metadata, variables, artifact: oss.artifact("k", { useSDKCreds: true }) };
  };

  for (const isHardened of [false, true]) {
    it(`is asked for ${isHardened ? "with a token of the metadata server (hardened mode)" : "by its name"}, once`, async (t) => {
      const { metadata, variables, artifact } = await start(t, isHardened);
      await using driver = await openDriver(artifact, surroundings({}, { identityVariables: variables }));

      await driver.saveFile(artifact, fileOf("k", "content"), patience());

      assert.equal((await load(driver, artifact)).toString(), "content");
      assert.deepEqual(metadata.asked, ["/latest/api/token", folder, `${folder}worker-role`]);
    });
  }

  it("is not looked up where ALIBABA_CLOUD_ECS_METADATA names it, and asked for again when it ends", async (t) => {
    const { metadata, variables, artifact } = await start(t, true, 1000);
    const identityVariables = { ...variables, ALIBABA_CLOUD_ECS_METADATA: "worker-role" };
    await using driver = await openDriver(artifact, surroundings({}, { identityVariables }));

    await driver.saveFile(artifact, fileOf("k", "1"), patience());
    await driver.saveFile(artifact, fileOf("k", "2"), patience());

    assert.ok(!metadata.asked.includes(folder));
    assert.ok(metadata.asked.filter((path) => path === `${folder}worker-role`).length > 1);
  });

  it("is not asked for without a token where that is forbidden", async (t) => {
    const { variables, artifact } = await start(t, false);
    const identityVariables = { ...variables, ALIBABA_CLOUD_IMDSV1_DISABLED: "true" };
    await using driver = await openDriver(artifact, surroundings({}, { identityVariables }));

    await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
      assert.match(error.message, /ALIBABA_CLOUD_IMDSV1_DISABLED/);
      return isExecutorError(error, "Unauthorized");
    });
  });
});

describe("S3 driver: Google's storage by the S3 protocol", () => {
  it("R21: stores the very bytes over plain http, without signatures between them", async (t) => {
    const { server, context } = await startS3(t);
    const front = await startFront({ target: server.endpoint });
    t.after(() => front[Symbol.asyncDispose]());
    const proxy = { httpProxy: `http://${front.endpoint}`, httpsProxy: undefined, noProxy: undefined };
    const artifact = s3Artifact("storage.googleapis.com", "k", {
      addressingStyle: "path",
      region: "us-east-1",
    });
    await using driver = await openDriver(artifact, { ...context, settings: { ...context.settings, proxy } });
    const content = noise(21 * 1024 * 1024);

    await driver.saveFile(artifact, fileOf("k", content), patience());

    assert.ok((await load(driver, artifact)).equals(content));
    for (const { headers } of front.requests) {
      assert.doesNotMatch(String(headers["x-amz-content-sha256"]), /STREAMING/);
      assert.equal(headers["content-encoding"], undefined);
    }
  });
});
