// `argoexec sync` between real stores: every pair of them, and what only a real one has: customers' keys, versions, locks,
// rules that make objects go, metadata as bytes, copies in parts.
import assert from "node:assert/strict";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
} from "@aws-sdk/client-s3";
import { selfSignedCertificate } from "../../desk/api-server/index.ts";
import { Signer, sha256 } from "../../src/artifacts/drivers/s3/signature.ts";
import { createContainer } from "../drivers/stores.ts";
import { noise, temporaryFolder } from "../drivers/surroundings.ts";
import { account, startAzurite } from "../servers/azurite.ts";
import { sync } from "../sync/sync.ts";
import { startProgram } from "./programs.ts";
import { env, fakeGcs, identity, minio, startMinio, startVersity, versity } from "./sync-stores.ts";

const mib = 1024 * 1024;
const large = noise(13 * mib + 7);
const texts = ["plain", "a/b c/ünïcödé", "a.b", "deep/er/still"];

/** The URL of a place below a prefix of each store that this machine has. */
async function startAll(t: TestContext): Promise<Readonly<Record<string, (prefix: string) => string>>> {
  const places: Record<string, (prefix: string) => string> = {};
  for (const [name, program, start] of [
    ["MinIO", minio, startMinio],
    ["Versity", versity, startVersity],
  ] as const) {
    if (program === undefined) continue;
    const store = await start(t);
    await store.makeBucket("pairs");
    places[name] = (prefix) => store.url("pairs", prefix);
  }
  if (fakeGcs !== undefined) {
    const args = (_: string, port: number) =>
      ["-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", String(port)] as const;
    const server = await startProgram(fakeGcs, args, { path: "/storage/v1/b?project=p" });
    t.after(() => server[Symbol.asyncDispose]());
    await fetch(`http://${server.endpoint}/storage/v1/b?project=p`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "pairs" }),
    });
    places.GCS = (prefix) => `gs://pairs/${prefix}?endpoint=http://${server.endpoint}`;
  }
  const azurite = await startAzurite();
  t.after(() => azurite[Symbol.asyncDispose]());
  await createContainer(azurite.endpoint, "container");
  places.Azure = (prefix) => `http://${azurite.endpoint}/${account}/container/${prefix}`;
  const folder = await temporaryFolder(t);
  places.folder = (prefix) => `file://${folder}/${prefix}`;
  for (const name of ["origin", ...Object.keys(places)]) await mkdir(join(folder, name), { recursive: true });
  for (const text of texts) {
    await mkdir(join(folder, "origin", text, ".."), { recursive: true });
    await writeFile(join(folder, "origin", text), `content of ${text}`);
  }
  await writeFile(join(folder, "origin/large"), large);
  // Some stores tell the second only: a copy made in the second of its source would be made once more.
  const earlier = new Date(Date.now() - 60_000);
  for (const file of [...texts, "large"]) await utimes(join(folder, "origin", file), earlier, earlier);
  return places;
}

describe("argoexec sync between real stores", () => {
  it("copies between every two of them, sees that nothing has changed, and verifies", async (t) => {
    const places = await startAll(t);
    const names = Object.keys(places).filter((name) => name !== "folder");
    const pairs = [
      ...names.map((to) => ["folder", to] as const),
      ...names.flatMap((from) =>
        [...names.filter((to) => to !== from), "folder"].map((to) => [from, to] as const),
      ),
    ];

    for (const [from, to] of pairs) {
      const target = from === "folder" ? "origin" : `from-${from}`;
      if (to === "folder") await mkdir(new URL(places.folder?.(target) ?? ""), { recursive: true });
      const sides = [places[from]?.("origin") ?? "", places[to]?.(target) ?? ""];
      const copied = await sync(["run", ...sides], env);
      const again = await sync(["run", ...sides], env);
      const verified = await sync(["verify", ...sides], env);

      const context = `${from} to ${to}`;
      assert.equal(copied.status, 0, `${context}: ${copied.lastLine}`);
      assert.equal(copied.report?.totals.copied?.objects, texts.length + 1, context);
      assert.equal(
        again.report?.totals.equal?.objects,
        texts.length + 1,
        `${context}, again: ${again.lastLine}`,
      );
      assert.equal(verified.status, 0, `${context}: ${verified.lastLine}`);
      assert.equal(verified.report?.totals.equal?.objects, texts.length + 1, context);
    }
    t.diagnostic(`${pairs.length} pairs of ${Object.keys(places).join(", ")}`);
  });
});

for (const [name, program, start] of [
  ["MinIO", minio, startMinio],
  ["Versity Gateway", versity, startVersity],
] as const) {
  describe(`argoexec sync on ${name}`, { skip: program === undefined && "it cannot be built here" }, () => {
    it("copies large objects part by part inside the service, with the tag and the metadata of the source", async (t) => {
      const { client, url, makeBucket } = await start(t);
      await makeBucket("source");
      await makeBucket("target");
      const folder = await temporaryFolder(t);
      await writeFile(join(folder, "model"), large);
      assert.equal((await sync(["run", `file://${folder}`, url("source")], env)).status, 0);
      const kept = { ContentType: "text/x-model", Metadata: { step: "train" } };
      await client.send(new PutObjectCommand({ Bucket: "source", Key: "whole", Body: large, ...kept }));
      const args = [url("source"), url("target")];

      const copied = await sync(["run", ...args, "--copy-in-parts-from", "6M"], env);
      const verified = await sync(["verify", ...args], env);
      const again = await sync(["run", ...args], env);

      assert.equal(copied.status, 0, copied.lastLine);
      assert.equal(copied.report?.reasons["copied inside the service"], 2);
      assert.equal(verified.status, 0, verified.lastLine);
      assert.equal(again.report?.totals.equal?.objects, 2, again.lastLine);
      const head = await client.send(new HeadObjectCommand({ Bucket: "target", Key: "whole" }));
      assert.deepEqual([head.ContentType, head.Metadata?.step], ["text/x-model", "train"]);
      assert.match(head.ETag ?? "", /-\d+"$/, "it was made of parts");
    });

    it("keeps user metadata beyond ASCII as its bytes, raw or encoded as RFC 2047 has it", async (t) => {
      const { endpoint, url, makeBucket } = await start(t);
      await makeBucket("source");
      await makeBucket("target");
      await makeBucket("inside");
      const raw = Buffer.from("größe 日本").toString("latin1");
      const encoded = "=?UTF-8?B?Z3LDtsOfZQ==?=";
      await send(
        endpoint,
        "PUT",
        "/source/k",
        { "x-amz-meta-raw": raw, "x-amz-meta-encoded": encoded },
        "content",
      );
      const before = await send(endpoint, "HEAD", "/source/k");

      // Through a folder of another region of the same server: bytes come here.
      const relayed = await sync(
        ["run", url("source"), url("target").replace("127.0.0.1", "localhost")],
        env,
      );
      const inside = await sync(["run", url("target"), url("inside")], env);

      assert.deepEqual([relayed.status, inside.status], [0, 0], relayed.lastLine + inside.lastLine);
      assert.equal(relayed.report?.reasons.relayed, 1);
      for (const bucket of ["target", "inside"]) {
        const after = await send(endpoint, "HEAD", `/${bucket}/k`);
        for (const field of ["x-amz-meta-raw", "x-amz-meta-encoded"])
          assert.equal(after[field], before[field], `${bucket}: ${field}`);
      }
      assert.match(before["x-amz-meta-raw"] ?? "", /gr|=\?/);
    });

    it("gives up uploads that were never completed, those of an age, and no others", async (t) => {
      const { client, url, makeBucket } = await start(t);
      await makeBucket("source");
      await makeBucket("target");
      await client.send(new PutObjectCommand({ Bucket: "source", Key: "k", Body: "v" }));
      for (const Key of ["copy/half", "other/half"])
        await client.send(new CreateMultipartUploadCommand({ Bucket: "target", Key }));
      const args = [url("source"), url("target", "copy")];
      const left = async () =>
        (await client.send(new ListMultipartUploadsCommand({ Bucket: "target" }))).Uploads?.map(
          ({ Key }) => Key,
        );

      const planned = await sync(["plan", ...args], env);
      await sync(["run", ...args, "--abort-uploads", "1h"], env);
      const young = await left();
      const ran = await sync(["run", ...args, "--abort-uploads", "0s"], env);

      assert.equal(ran.status, 0, ran.lastLine);
      assert.equal(young?.includes("copy/half"), true);
      // MinIO lists uploads of a key, not of a prefix: what it does not tell cannot be given up.
      if (name !== "MinIO") {
        assert.match(
          planned.report?.warnings?.join() ?? "",
          /1 multipart uploads in s3:\/\/target\/copy\/ were never/,
        );
        assert.deepEqual(await left(), ["other/half"]);
      }
    });
  });
}

describe("argoexec sync on MinIO's buckets", {
  skip: minio === undefined && "it cannot be built here",
}, () => {
  it("warns of versions, locks and rules of the target before anything is copied", async (t) => {
    const { client, url, makeBucket } = await startMinio(t);
    await makeBucket("source");
    await makeBucket("target", { ObjectLockEnabledForBucket: true });
    const Bucket = "target";
    await client.send(
      new PutObjectLockConfigurationCommand({
        Bucket,
        ObjectLockConfiguration: {
          ObjectLockEnabled: "Enabled",
          Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 30 } },
        },
      }),
    );
    const rule = (ID: string, Prefix: string) =>
      ({ ID, Status: "Enabled", Filter: { Prefix }, Expiration: { Days: 7 } }) as const;
    await client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: { Rules: [rule("week", "argo/"), rule("elsewhere", "data/")] },
      }),
    );
    await client.send(new PutObjectCommand({ Bucket: "source", Key: "k", Body: "v" }));

    const planned = await sync(["plan", url("source"), url("target", "argo")], env);
    const silent = await sync(["run", url("source"), url("target", "argo")], env);
    const told = await sync(["run", url("source"), url("target", "argo"), "--look-up"], env);
    const plain = await sync(["plan", url("target", "argo"), url("source")], env);

    assert.deepEqual([planned.status, silent.status, told.status], [0, 0, 0], planned.stderr);
    const expected = [
      "s3://target/argo/ locks every new object (GOVERNANCE, 30 days): what is replaced or deleted before that stays beneath",
      's3://target/argo/ lets objects below "argo/" expire (7 days, rule "week"): what has gone is copied again by the next run',
    ];
    assert.deepEqual(planned.report?.warnings, expected);
    assert.equal(silent.report?.warnings, undefined);
    assert.deepEqual(told.report?.warnings, expected);
    assert.equal(plain.report?.warnings, undefined);
  });

  it("reads and writes objects with customers' keys, each side with its own, relayed and inside", async (t) => {
    const folder = await temporaryFolder(t);
    const [data, certificates] = [join(folder, "data"), join(folder, "certificates")];
    await mkdir(data);
    await mkdir(certificates);
    const certificate = selfSignedCertificate();
    await writeFile(join(certificates, "public.crt"), certificate.cert);
    await writeFile(join(certificates, "private.key"), certificate.key);
    const keys = { MINIO_ROOT_USER: "access-key", MINIO_ROOT_PASSWORD: "secret-key" };
    const args = (endpoint: string) =>
      ["server", data, "--address", endpoint, "--quiet", "--certs-dir", certificates] as const;
    const server = await startProgram(minio ?? "", args, { env: keys });
    t.after(() => server[Symbol.asyncDispose]());
    const [, port] = server.endpoint.split(":");
    const repository = async (bucket: string, host: string, password?: string) => {
      const file = join(folder, `${bucket}-${host}.yaml`);
      const selector = (key: string) => ({ name: "keys", key });
      const location = {
        s3: {
          endpoint: `${host}:${port}`,
          bucket,
          region: "us-east-1",
          createBucketIfNotPresent: {},
          accessKeySecret: selector("a"),
          secretKeySecret: selector("s"),
          caSecret: selector("ca"),
          ...(password === undefined
            ? {}
            : {
                encryptionOptions: {
                  enableEncryption: true,
                  serverSideCustomerKeySecret: selector("customer"),
                },
              }),
        },
      };
      const stringData = { a: "access-key", s: "secret-key", ca: certificate.cert, customer: password };
      const secret = { kind: "Secret", metadata: { name: "keys" }, stringData };
      await writeFile(file, `${JSON.stringify(location)}\n---\n${JSON.stringify(secret)}\n`);
      return file;
    };
    const origin = join(folder, "origin");
    await mkdir(origin);
    await writeFile(join(origin, "large"), large);
    await writeFile(join(origin, "small"), "content");
    for (const bucket of ["first", "second", "third"]) await mkdir(join(data, bucket));
    const first = await repository("first", "127.0.0.1", "one password");
    const second = await repository("second", "localhost", "another password");
    const third = await repository("third", "127.0.0.1", "a third password");
    const without = await repository("third", "localhost");

    const filled = await sync(["run", `file://${origin}`, first]);
    const relayed = await sync(["run", first, second]);
    const inside = await sync(["run", first, third, "--copy-in-parts-from", "6M"]);
    const verified = await Promise.all(
      [second, third].map((copy) => sync(["verify", `file://${origin}`, copy])),
    );
    const again = await sync(["run", first, third]);
    await mkdir(join(folder, "none"));
    const keyless = await sync(["run", without, `file://${folder}/none`]);

    for (const { status, lastLine } of [filled, relayed, inside, ...verified, again])
      assert.equal(status, 0, lastLine);
    assert.equal(relayed.report?.reasons.relayed, 2);
    assert.equal(inside.report?.reasons["copied inside the service"], 2, inside.lastLine);
    assert.equal(again.report?.totals.equal?.objects, 2, again.lastLine);
    assert.notEqual(keyless.status, 0, "what has a customer's key cannot be read without it");
  });
});

/** One request, signed, whose headers go out and come back as bytes (Latin-1). */
async function send(
  endpoint: string,
  method: string,
  path: string,
  more: Readonly<Record<string, string>> = {},
  body = "",
): Promise<Readonly<Record<string, string>>> {
  const headers = { ...more, host: endpoint, "content-length": String(body.length) };
  const signed = new Signer(identity, "us-east-1").sign({
    method,
    path,
    query: {},
    headers,
    payloadHash: sha256(body),
  });
  const [hostname, port] = endpoint.split(":");
  return await new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers: signed }, (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve(answer.headers as Record<string, string>);
      else answer.on("data", (text) => reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`)));
    });
    sent.on("error", reject);
    // A text would take the head with it into UTF-8.
    sent.end(Buffer.from(body));
  });
}
