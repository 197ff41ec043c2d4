import assert from "node:assert/strict";
import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { temporaryFolder } from "../desk/object-client.ts";
import { noise } from "../drivers/surroundings.ts";
import { hardKeys, s3Side, sync } from "./sync.ts";

describe("argoexec sync run", { concurrency: 2 }, () => {
  it("copies every key exactly as it is, with content type and metadata", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (const key of hardKeys) {
      await source.put(key, `content of ${key}`, {
        ContentType: "text/x-hard",
        ContentEncoding: "identity",
        CacheControl: "no-store",
        Metadata: { step: "train", "with-dash": "a b" },
      });
    }

    const { status, report, lastLine } = await sync(["run", source.url(), target.url()]);

    assert.equal(status, 0, lastLine);
    assert.deepEqual(await target.contents(), await source.contents());
    assert.equal(report?.totals.copied?.objects, hardKeys.length);
    for (const key of hardKeys) {
      const stored = await target.get(key);
      assert.equal(stored.ContentType, "text/x-hard", key);
      assert.equal(stored.CacheControl, "no-store", key);
      assert.equal(stored.Metadata?.step, "train", key);
      assert.equal(stored.Metadata?.["with-dash"], "a b", key);
    }
  });

  it("sends no request for an object that the target has already", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (const key of hardKeys) await source.put(key, `content of ${key}`);
    // In parts of its own size, so that its tag is no digest of the content.
    await source.put("large", noise(9 * 1024 * 1024));
    assert.equal((await sync(["run", source.url(), target.url()])).status, 0);
    source.server.clearRequests();
    target.server.clearRequests();

    const { status, report } = await sync(["run", source.url(), target.url()]);

    assert.equal(status, 0);
    assert.equal(report?.totals.equal?.objects, hardKeys.length + 1);
    assert.equal(report?.totals.copied, undefined);
    assert.deepEqual(source.objectRequests("GET", "HEAD", "PUT", "POST", "DELETE"), []);
    assert.deepEqual(target.objectRequests("GET", "HEAD", "PUT", "POST", "DELETE"), []);
  });

  it("copies large objects in parts, and verifies them", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    const content = noise(37 * 1024 * 1024 + 5);
    await source.put("large", content, { Metadata: { epoch: "7" } });

    assert.equal((await sync(["run", source.url(), target.url()])).status, 0);

    const stored = await target.get("large");
    assert.ok(stored.bytes.equals(content));
    assert.equal(stored.Metadata?.epoch, "7");
    assert.equal((await sync(["verify", source.url(), target.url()])).status, 0);
  });

  it("copies objects whose tags look like digests and are none, as those that a key service encrypts", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    const kms = { ServerSideEncryption: "aws:kms", SSEKMSKeyId: "key" } as const;
    const content = noise(7 * 1024 * 1024);
    await source.put("large", content, kms);
    await source.put("small", "content", kms);

    const copied = await sync(["run", source.url(), target.url()]);
    const again = await sync(["run", source.url(), target.url()]);

    assert.equal(copied.status, 0, copied.lastLine);
    assert.ok((await target.get("large")).bytes.equals(content));
    assert.equal(again.report?.totals.equal?.objects, 2, again.lastLine);
  });

  it("takes a time without a part of a second for an exact one where the listing has told milliseconds", async (t) => {
    const target = await s3Side(t);
    const folder = await temporaryFolder(t);
    for (const name of ["on-the-second", "other"]) await writeFile(join(folder, name), name);
    // A copy of the same second, which is younger by milliseconds.
    let copied: Date | undefined;
    let secondMs = 0;
    do {
      secondMs = Math.floor(Date.now() / 1000) * 1000;
      for (const name of ["on-the-second", "other"]) await target.put(name, name);
      const { Contents = [] } = await target.client.send(new ListObjectsV2Command({ Bucket: "ml" }));
      [copied] = Contents.map(({ LastModified }) => LastModified);
    } while (copied === undefined || copied.getTime() % 1000 === 0 || copied.getTime() > secondMs + 999);
    await utimes(join(folder, "on-the-second"), new Date(secondMs), new Date(secondMs));
    await utimes(join(folder, "other"), new Date(secondMs), new Date(secondMs - 1500));

    const { report, lastLine } = await sync(["plan", `file://${folder}`, target.url()]);

    assert.equal(report?.totals.equal?.objects, 2, lastLine);
  });

  it("replaces what has changed, and leaves what only the target has", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await target.put("only-there", "keep me");
    await target.put("changed", "old");
    await source.put("changed", "new");
    await source.put("equal", "same");
    await target.put("equal", "same");

    const { status, report } = await sync(["run", source.url(), target.url()]);

    assert.equal(status, 0);
    assert.deepEqual(await target.contents(), { changed: "new", equal: "same", "only-there": "keep me" });
    assert.equal(report?.totals.replaced?.objects, 1);
    assert.equal(report?.totals.kept?.objects, 1);
  });

  it("keeps to prefixes on both sides, which may differ", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("team/a/1", "one");
    await source.put("team/a//2", "two");
    await source.put("team/ab", "beside");
    await target.put("backup/zzz", "elsewhere");

    assert.equal((await sync(["run", source.url("team/a"), target.url("copy/of/a")])).status, 0);

    assert.deepEqual(await target.contents(), {
      "backup/zzz": "elsewhere",
      "copy/of/a/1": "one",
      "copy/of/a//2": "two",
    });
  });

  it("copies what --include matches and --exclude does not", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (const key of ["logs/a.log", "logs/deep/b.log", "model.bin", "logs/.hidden.log"])
      await source.put(key, key);

    const args = ["--include", "logs/**", "--exclude", "logs/deep/**"];
    const { status, report } = await sync(["run", source.url(), target.url(), ...args]);

    assert.equal(status, 0);
    assert.deepEqual(Object.keys(await target.contents()), ["logs/.hidden.log", "logs/a.log"]);
    assert.equal(report?.totals.skipped?.objects, 2);
  });

  it("goes from a store to a folder and back", async (t) => {
    const [source, back] = [await s3Side(t), await s3Side(t)];
    const folder = join(await temporaryFolder(t), "copy");
    await mkdir(folder);
    const keys = ["a/b/c", "a/d", "z", "ünïcödé/日本語", "a.b", "a b/c"];
    for (const key of keys) await source.put(key, `content of ${key}`);

    const there = await sync(["run", source.url(), `file://${encodeURI(folder)}`]);
    assert.equal(there.status, 0, there.lastLine);
    assert.equal(await readFile(join(folder, "a/b/c"), "utf8"), "content of a/b/c");
    const again = await sync(["run", source.url(), `file://${encodeURI(folder)}`]);
    assert.equal(again.report?.totals.equal?.objects, keys.length);

    assert.equal((await sync(["run", `file://${encodeURI(folder)}`, back.url()])).status, 0);
    assert.deepEqual(await back.contents(), await source.contents());
  });

  it("names the keys that a folder cannot hold, copies the others, and asks for a person", async (t) => {
    const source = await s3Side(t);
    const folder = await temporaryFolder(t);
    for (const key of ["a", "a/b", "ok", "x//y", "dir/", "p/../q"]) await source.put(key, key);

    const { status, report, lastLine } = await sync(["run", source.url(), `file://${folder}`]);

    assert.equal(status, 20);
    assert.match(lastLine, /a folder cannot hold/);
    assert.equal(await readFile(join(folder, "ok"), "utf8"), "ok");
    const refused = report?.incidents.map(({ key }) => key) ?? [];
    assert.deepEqual(refused.filter((key) => key !== "a" && key !== "a/b").sort(), [
      "dir/",
      "p/../q",
      "x//y",
    ]);
    // One of the two hides the other.
    assert.equal(refused.filter((key) => key === "a" || key === "a/b").length, 1);
  });

  it("stores nothing of an object whose bytes changed on the way here, and says so", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (const key of ["good", "bad"]) await source.put(key, noise(700_000));
    source.server.addFault({ match: { method: "GET", key: "bad" }, times: 1, kind: "corrupt", at: 5000 });

    const { status, report } = await sync(["run", source.url(), target.url()]);
    const again = await sync(["run", source.url(), target.url()]);

    assert.notEqual(status, 0);
    const [incident] = report?.incidents ?? [];
    assert.equal(incident?.key, "bad");
    assert.match(incident?.why ?? "", /MD5 of what arrived is not the stored object's/);
    assert.equal(report?.totals.copied?.objects, 1);
    assert.equal(again.report?.totals.copied?.objects, 1, again.lastLine);
    assert.deepEqual(await target.contents(), await source.contents());
  });

  it("copies an object anew that is replaced while it is read", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("k", "first content");
    source.server.addFault({ match: { method: "GET", key: "k" }, times: 1, kind: "delay", ms: 3000 });
    const running = sync(["run", source.url(), target.url()]);
    await source.server.waitForRequest(({ method, key }) => method === "GET" && key === "k");
    await source.put("k", "second content, longer");

    assert.equal((await running).status, 0);
    assert.deepEqual(await target.contents(), { k: "second content, longer" });
  });

  it("reads the controller's configuration with the secrets beside it, each side its own", async (t) => {
    const source = await s3Side(t, { accessKey: "desk", secretKey: "desk-secret" });
    const folder = await temporaryFolder(t);
    await source.put("k", "v");
    const config = join(folder, "repository.yaml");
    const { host } = new URL(source.server.url);
    await writeFile(
      config,
      [
        "apiVersion: v1",
        "kind: ConfigMap",
        "metadata: {name: artifact-repositories, annotations: {workflows.argoproj.io/default-artifact-repository: main}}",
        "data:",
        "  main: |",
        `    s3: {endpoint: '${host}', bucket: ml, insecure: true, keyFormat: 'x/{{workflow.name}}',`,
        "      accessKeySecret: {name: creds, key: a}, secretKeySecret: {name: creds, key: s}}",
        "---",
        "kind: Secret",
        "metadata: {name: creds}",
        "stringData: {a: desk, s: desk-secret}",
      ].join("\n"),
    );
    await mkdir(join(folder, "out"));

    const nothing = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
    const { status, lastLine } = await sync(["run", config, `file://${folder}/out`], nothing);

    assert.equal(status, 0, lastLine);
    assert.equal(await readFile(join(folder, "out/k"), "utf8"), "v");
  });
});
