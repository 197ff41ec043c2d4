import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { temporaryFolder } from "../desk/object-client.ts";
import { createContainer } from "../drivers/stores.ts";
import { noise } from "../drivers/surroundings.ts";
import { account, accountKey, startAzurite } from "../servers/azurite.ts";
import { startGcsServer } from "../servers/gcs-server.ts";
import { startOssServer } from "../servers/oss-server.ts";
import { type S3Side, s3Side, sync } from "./sync.ts";

const env = { AZURE_STORAGE_KEY: accountKey, OSS_ACCESS_KEY_ID: "access", OSS_ACCESS_KEY_SECRET: "secret" };
const large = noise(11 * 1024 * 1024 + 3);
const keys = ["plain", "a/b c/ünïcödé", "a.b", "deep/er/still"];

/** The URL of a place below a prefix of each kind of store. */
type Places = Readonly<Record<string, (prefix: string) => string>>;

async function startStores(t: TestContext, s3: S3Side): Promise<Places> {
  const folder = await temporaryFolder(t);
  const gcs = await startGcsServer();
  t.after(() => gcs[Symbol.asyncDispose]());
  gcs.createBucket("bucket");
  const oss = await startOssServer();
  t.after(() => oss[Symbol.asyncDispose]());
  oss.createBucket("bucket");
  const azurite = await startAzurite();
  t.after(() => azurite[Symbol.asyncDispose]());
  await createContainer(azurite.endpoint, "container");
  for (const name of ["origin", "s3", "gs", "azure", "oss"]) await mkdir(join(folder, name));
  return {
    s3: s3.url,
    gs: (prefix) => `gs://bucket/${prefix}?endpoint=http://${gcs.endpoint}`,
    azure: (prefix) => `http://${azurite.endpoint}/${account}/container/${prefix}`,
    oss: (prefix) => `oss://bucket/${prefix}?endpoint=http://${oss.endpoint}`,
    folder: (prefix) => `file://${folder}/${prefix}`,
  };
}

describe("argoexec sync between kinds of stores", () => {
  it("copies between every two of S3, GCS, Azure, OSS and a folder, and sees that nothing has changed", async (t) => {
    const s3 = await s3Side(t);
    const attributes = { ContentType: "text/x-step", CacheControl: "no-store", Metadata: { step: "train" } };
    for (const key of keys) await s3.put(`origin/${key}`, `content of ${key}`, attributes);
    await s3.put("origin/large", large, attributes);
    const places = await startStores(t, s3);
    const copies: [string, string, string, string][] = [];
    for (const to of Object.keys(places).filter((name) => name !== "s3"))
      copies.push(["s3", "origin", to, "origin"]);
    for (const from of Object.keys(places).filter((name) => name !== "s3")) {
      for (const to of Object.keys(places).filter((name) => name !== from))
        copies.push([from, "origin", to, from]);
    }

    for (const [from, source, to, target] of copies) {
      const sides = [places[from]?.(source) ?? "", places[to]?.(target) ?? ""];
      const context = `${from} to ${to}`;

      const copied = await sync(["run", ...sides], env);
      const again = await sync(["run", ...sides], env);

      assert.equal(copied.status, 0, `${context}: ${copied.lastLine}`);
      assert.equal(copied.report?.totals.copied?.objects, keys.length + 1, context);
      assert.equal(again.report?.totals.equal?.objects, keys.length + 1, `${context}, again`);
    }

    // What came back to S3 went through each of the others.
    for (const name of ["gs", "azure", "oss"]) {
      for (const key of [...keys, "large"]) {
        const stored = await s3.get(`${name}/${key}`);
        const expected = key === "large" ? large : Buffer.from(`content of ${key}`);
        assert.ok(stored.bytes.equals(expected), `${name}/${key}`);
        const { ContentType, CacheControl, Metadata } = stored;
        assert.deepEqual(
          { ContentType, CacheControl, Step: Metadata?.step },
          {
            ContentType: "text/x-step",
            CacheControl: "no-store",
            Step: "train",
          },
        );
      }
    }
    const verified = await sync(
      ["verify", places.azure?.("origin") ?? "", places.folder?.("azure") ?? ""],
      env,
    );
    assert.equal(verified.status, 0, verified.lastLine);
    assert.ok((await readFile(new URL(`${places.folder?.("oss")}/large`))).equals(large));
  });

  it("copies inside GCS, Azure and OSS without reading, attributes as they are", async (t) => {
    const s3 = await s3Side(t);
    const attributes = { ContentType: "text/x-step", CacheControl: "no-store", Metadata: { step: "train" } };
    for (const key of keys) await s3.put(`origin/${key}`, `content of ${key}`, attributes);
    const places = await startStores(t, s3);

    for (const name of ["gs", "azure", "oss"]) {
      const [origin = "", copy = ""] = [places[name]?.("origin"), places[name]?.("copy")];
      assert.equal((await sync(["run", s3.url("origin"), origin], env)).status, 0);

      const inside = await sync(["run", origin, copy], env);
      const again = await sync(["run", origin, copy], env);
      const back = await sync(["run", copy, s3.url(`${name}-back`)], env);

      assert.equal(inside.status, 0, `${name}: ${inside.lastLine}`);
      assert.equal(inside.report?.reasons["copied inside the service"], keys.length, name);
      assert.equal(inside.report?.reasons.relayed, undefined, name);
      assert.equal(again.report?.totals.equal?.objects, keys.length, name);
      assert.equal(back.status, 0);
      for (const key of keys) {
        const { bytes, ContentType, Metadata } = await s3.get(`${name}-back/${key}`);
        assert.equal(bytes.toString(), `content of ${key}`, name);
        assert.deepEqual([ContentType, Metadata?.step], ["text/x-step", "train"], name);
      }
    }
  });

  it("keeps in Azure what it can hold, and names what it cannot", async (t) => {
    const s3 = await s3Side(t);
    await s3.put("good", "1");
    await s3.put("a/../b", "2");
    await s3.put("dashed", "3", { Metadata: { "no-identifier": "x" } });
    const azurite = await startAzurite();
    t.after(() => azurite[Symbol.asyncDispose]());
    await createContainer(azurite.endpoint, "container");

    const target = `http://${azurite.endpoint}/${account}/container`;
    const { status, report } = await sync(["run", s3.url(), target], env);

    assert.equal(status, 20);
    assert.equal(report?.totals.copied?.objects, 1);
    const refused = report?.incidents.map(({ key, code }) => [key, code]).sort();
    // Azure's names of metadata are identifiers.
    assert.deepEqual(refused, [
      ["a/../b", "BadRequest"],
      ["dashed", "BadRequest"],
    ]);
  });
});
