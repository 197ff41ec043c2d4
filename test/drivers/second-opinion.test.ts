import { after, before, describe } from "node:test";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { Storage } from "@google-cloud/storage";
import OssClient from "ali-oss";
import { type Azurite, account, accountKey, startAzurite } from "../servers/azurite.ts";
import { describeSecondOpinion } from "./second-opinion.ts";
import { startAzure, startGcs, startOss } from "./stores.ts";

const mib = 1024 * 1024;

describeSecondOpinion("@google-cloud/storage", async (t) => {
  const { context, artifact, server } = await startGcs(t);
  const storage = new Storage({ apiEndpoint: `http://${server}`, projectId: "project" });
  const bucket = storage.bucket("bucket");
  return {
    context,
    artifact,
    vendor: {
      put: (key, content) => bucket.file(key).save(content, { resumable: false, validation: "crc32c" }),
      putLarge: (key, content) =>
        bucket.file(key).save(content, { resumable: true, chunkSize: 4 * mib, validation: "crc32c" }),
      get: async (key) => (await bucket.file(key).download({ validation: "crc32c" }))[0],
      list: async (prefix) => (await bucket.getFiles({ prefix }))[0].map(({ name }) => name),
      isNotFound: (error) => (error as { code?: unknown }).code === 404,
    },
  };
});

describe("Azurite", () => {
  let azurite: Azurite;
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite[Symbol.asyncDispose]());

  describeSecondOpinion("@azure/storage-blob", async (t) => {
    const { context, artifact, container } = await startAzure(t, azurite.endpoint);
    const credential = new StorageSharedKeyCredential(account, accountKey);
    const service = new BlobServiceClient(`http://${azurite.endpoint}/${account}`, credential);
    const client = service.getContainerClient(container);
    return {
      context,
      artifact,
      vendor: {
        put: (key, content) => client.getBlockBlobClient(key).upload(content, content.byteLength),
        putLarge: (key, content) =>
          client.getBlockBlobClient(key).uploadData(content, { blockSize: 4 * mib, maxSingleShotSize: mib }),
        get: async (key) => await client.getBlobClient(key).downloadToBuffer(),
        async list(prefix) {
          const names: string[] = [];
          for await (const { name } of client.listBlobsFlat({ prefix })) names.push(name);
          return names;
        },
        isNotFound: (error) => (error as { statusCode?: unknown }).statusCode === 404,
      },
    };
  });
});

/** Its signatures are checked by the server, which computes them by itself: version 1, and version 4. */
for (const authorizationV4 of [false, true]) {
  describeSecondOpinion(`ali-oss with signatures of version ${authorizationV4 ? 4 : 1}`, async (t) => {
    const { context, artifact, server } = await startOss(t);
    const client = new OssClient({
      endpoint: `http://${server.endpoint}`,
      region: "oss-cn-hangzhou",
      accessKeyId: "access",
      accessKeySecret: "secret",
      bucket: "bucket",
      ...{ authorizationV4 },
    });
    return {
      context,
      artifact,
      vendor: {
        put: (key, content) => client.put(key, content),
        putLarge: (key, content) => client.multipartUpload(key, content, { partSize: 4 * mib }),
        get: async (key) => (await client.get(key)).content as Buffer,
        async list(prefix) {
          const { objects } = await client.listV2({ prefix, "max-keys": "1000" }, {});
          return (objects ?? []).map(({ name }) => name);
        },
        isNotFound: (error) => (error as { code?: unknown }).code === "NoSuchKey",
      },
    };
  });
}
