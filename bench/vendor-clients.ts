// The vendors' own clients, as bench/stores.ts measures them beside ours: whoever uses them decides how many requests are
// in flight.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { account, accountKey } from "../test/servers/azurite.ts";

const inFlight = 32;

interface VendorClient {
  put(key: string, content: Buffer): Promise<unknown>;
  get(key: string): Promise<Uint8Array>;
}

/** Stores `content` under each key, so many at once. */
export async function putAll(client: VendorClient, keys: readonly string[], content: Buffer): Promise<void> {
  await sideBySide(keys, async (key) => void (await client.put(key, content)));
}

/** Writes each object to a file of its name in `folder`, so many at once. */
export async function getAll(client: VendorClient, keys: readonly string[], folder: string): Promise<void> {
  await sideBySide(keys, async (key) => await writeFile(join(folder, key), await client.get(key)));
}

async function sideBySide(keys: readonly string[], work: (key: string) => Promise<void>): Promise<void> {
  const rest = keys.values();
  const worker = async () => {
    for (const key of rest) await work(key);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

export async function openVendorClient(
  name: "s3" | "gcs" | "azure" | "oss",
  endpoint: string,
): Promise<VendorClient> {
  switch (name) {
    case "s3": {
      const { GetObjectCommand, PutObjectCommand, S3Client } = await import("@aws-sdk/client-s3");
      const client = new S3Client({
        endpoint: `http://${endpoint}`,
        region: "us-east-1",
        forcePathStyle: true,
        credentials: { accessKeyId: "access", secretAccessKey: "secret" },
      });
      const Bucket = "bucket";
      return {
        put: (Key, Body) => client.send(new PutObjectCommand({ Bucket, Key, Body })),
        async get(Key) {
          const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
          return (await Body?.transformToByteArray()) ?? new Uint8Array();
        },
      };
    }
    case "gcs": {
      const { Storage } = await import("@google-cloud/storage");
      const bucket = new Storage({ apiEndpoint: `http://${endpoint}`, projectId: "project" }).bucket(
        "bucket",
      );
      return {
        put: (key, content) => bucket.file(key).save(content, { resumable: false, validation: "crc32c" }),
        get: async (key) => (await bucket.file(key).download({ validation: "crc32c" }))[0],
      };
    }
    case "azure": {
      const { BlobServiceClient, StorageSharedKeyCredential } = await import("@azure/storage-blob");
      const credential = new StorageSharedKeyCredential(account, accountKey);
      const container = new BlobServiceClient(`http://${endpoint}/${account}`, credential).getContainerClient(
        "bucket",
      );
      return {
        put: (key, content) => container.getBlockBlobClient(key).upload(content, content.byteLength),
        get: (key) => container.getBlobClient(key).downloadToBuffer(),
      };
    }
    case "oss": {
      const { default: OssClient } = await import("ali-oss");
      const client = new OssClient({
        endpoint: `http://${endpoint}`,
        region: "oss-cn-hangzhou",
        accessKeyId: "access",
        accessKeySecret: "secret",
        bucket: "bucket",
      });
      return {
        put: (key, content) => client.put(key, content),
        get: async (key) => (await client.get(key)).content as Buffer,
      };
    }
  }
}
