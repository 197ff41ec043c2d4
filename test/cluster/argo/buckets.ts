import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";

/** The S3 server of the cluster, read and written by the vendor's own client. */
export class Buckets implements Disposable {
  readonly #client = new S3Client({
    endpoint: "http://127.0.0.1:9000",
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "admin", secretAccessKey: "password" },
  });

  async create(...buckets: readonly string[]): Promise<void> {
    for (const Bucket of buckets) await this.#client.send(new CreateBucketCommand({ Bucket }));
  }

  async put(Bucket: string, objects: Readonly<Record<string, string>>): Promise<void> {
    for (const [Key, Body] of Object.entries(objects))
      await this.#client.send(new PutObjectCommand({ Bucket, Key, Body }));
  }

  async read(Bucket: string, Key: string): Promise<Uint8Array> {
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket, Key }));
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  }

  async text(bucket: string, key: string): Promise<string> {
    return Buffer.from(await this.read(bucket, key)).toString();
  }

  async keys(Bucket: string, Prefix = ""): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const page of paginateListObjectsV2({ client: this.#client }, { Bucket, Prefix }))
      keys.push(...(page.Contents ?? []).map(({ Key = "" }) => Key));
    return keys;
  }

  /** Every object's content by its key, without the prefix. */
  async content(bucket: string, prefix = ""): Promise<ReadonlyMap<string, string>> {
    const content = new Map<string, string>();
    for (const key of await this.keys(bucket, prefix))
      content.set(key.slice(prefix.length), Buffer.from(await this.read(bucket, key)).toString("base64"));
    return content;
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
