import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryFolder } from "../desk/object-client.ts";
import { noise } from "../drivers/surroundings.ts";
import { refuse, startWebHdfs, type WebHdfsServer } from "../servers/web-hdfs-server.ts";
import { hardKeys, s3Side, sync } from "./sync.ts";

const env = { HADOOP_USER_NAME: "argo" };

function urlOf({ url }: WebHdfsServer, folder: string): string {
  return `webhdfs://${new URL(url).host}${folder}`;
}

/** Files below a folder, by the rest of their paths. */
function filesBelow({ entries }: WebHdfsServer, folder: string): Record<string, string> {
  const files = [...entries].filter(([path, content]) => path.startsWith(`${folder}/`) && content);
  return Object.fromEntries(files.map(([path, content]) => [path.slice(folder.length + 1), String(content)]));
}

describe("argoexec sync and HDFS", { concurrency: 2 }, () => {
  it("copies to HDFS and back, sees that nothing has changed, and verifies", async (t) => {
    const [source, back] = [await s3Side(t), await s3Side(t)];
    const hdfs = await startWebHdfs(t);
    // In the order of names the folder "a" comes first, in that of keys "a.b" and "a-b/c" do.
    const keys = ["a/b/c", "a.b", "a-b/c", "a/d", "a-/e", "ab", "z e/ünïcödé/日本語", "empty"];
    for (const key of keys) await source.put(key, key === "empty" ? Buffer.alloc(0) : `content of ${key}`);
    const large = noise(19 * 1024 * 1024 + 3);
    await source.put("large", large);

    const there = await sync(["run", source.url(), urlOf(hdfs, "/data/argo")], env);
    const again = await sync(["run", source.url(), urlOf(hdfs, "/data/argo")], env);
    const returned = await sync(["run", urlOf(hdfs, "/data/argo/"), back.url("x")], env);
    const verified = await sync(["verify", urlOf(hdfs, "/data/argo"), back.url("x")], env);

    assert.equal(there.status, 0, there.lastLine);
    assert.equal(there.report?.totals.copied?.objects, keys.length + 1);
    assert.ok(hdfs.entries.get("/data/argo/large")?.equals(large));
    assert.equal(again.report?.totals.equal?.objects, keys.length + 1, again.lastLine);
    assert.equal(returned.status, 0, returned.lastLine);
    assert.equal((await back.get("x/a-b/c")).bytes.toString(), "content of a-b/c");
    assert.ok((await back.get("x/large")).bytes.equals(large));
    assert.equal(verified.report?.totals.equal?.objects, keys.length + 1, verified.lastLine);
  });

  it("names the keys that HDFS cannot hold, copies the others, and asks for a person", async (t) => {
    const source = await s3Side(t);
    const hdfs = await startWebHdfs(t);
    const refused = [
      "folder/",
      "a//b",
      "/leading",
      "a/../b",
      "./c",
      "..",
      "tab\tand\nnewline",
      `long/${"x".repeat(900)}`,
    ];
    for (const key of [...hardKeys, "colon:here", "leaf", "leaf/below"]) await source.put(key, key);

    const { status, report, lastLine } = await sync(["run", source.url(), urlOf(hdfs, "/data")], env);

    assert.equal(status, 20);
    assert.match(lastLine, /HDFS cannot hold/);
    const named = report?.incidents.map(({ key }) => key) ?? [];
    const hiding = named.filter((key) => key.startsWith("leaf"));
    assert.deepEqual(
      named.filter((key) => !key.startsWith("leaf")).sort(),
      [...refused, "colon:here"].sort(),
    );
    // One of the two hides the other.
    assert.equal(hiding.length, 1);
    const { contents } = source;
    const expected = Object.entries(await contents()).filter(([key]) => !named.includes(key));
    assert.deepEqual(filesBelow(hdfs, "/data"), Object.fromEntries(expected.sort()));
  });

  it("replaces a file in one step, deletes with --delete, and leaves neither halves nor empty folders", async (t) => {
    const source = await s3Side(t);
    const hdfs = await startWebHdfs(t);
    await source.put("kept/changed", "new content");
    hdfs.entries.set("/data/kept/changed", Buffer.from("old"));
    hdfs.entries.set("/data/gone/deep/file", Buffer.from("only here"));
    for (const folder of ["/data", "/data/kept", "/data/gone", "/data/gone/deep"])
      hdfs.entries.set(folder, undefined);

    const { status, lastLine } = await sync(["run", source.url(), urlOf(hdfs, "/data"), "--delete"], env);

    assert.equal(status, 0, lastLine);
    const paths = [...hdfs.entries.keys()].filter((path) => !path.includes("/.outrider")).sort();
    assert.deepEqual(paths, ["/", "/data", "/data/kept", "/data/kept/changed"]);
    assert.equal(String(hdfs.entries.get("/data/kept/changed")), "new content");
    assert.deepEqual(filesBelow(hdfs, "/data/.outrider"), {});
    // Nobody saw a moment without the file.
    const removals = hdfs.requests.filter(({ op, path }) => op === "DELETE" && path.endsWith("changed"));
    assert.deepEqual(removals, []);
  });

  it("does not list what a pod is about to store, nor half files of its own", async (t) => {
    const target = await s3Side(t);
    const hdfs = await startWebHdfs(t);
    hdfs.entries.set("/data", undefined);
    for (const path of ["/data/whole", "/data/.model.0123456789ab.argo", "/data/.outrider/0123"])
      hdfs.entries.set(path, Buffer.from(path));
    hdfs.entries.set("/data/.outrider", undefined);

    const { status, lastLine } = await sync(["run", urlOf(hdfs, "/data"), target.url()], env);

    assert.equal(status, 0, lastLine);
    assert.deepEqual(await target.contents(), { whole: "/data/whole" });
  });

  it("goes on after a name node that fails for a moment, and copies a file anew that is replaced meanwhile", async (t) => {
    const target = await s3Side(t);
    const hdfs = await startWebHdfs(t);
    hdfs.entries.set("/data", undefined);
    for (const name of ["one", "two", "three", "four"]) hdfs.entries.set(`/data/${name}`, Buffer.from(name));
    let failures = 0;
    let isReplaced = false;
    hdfs.intercept(({ op, path, isData }, response) => {
      if (op === "OPEN" && isData && path.endsWith("two") && !isReplaced) {
        isReplaced = true;
        // As long as before.
        hdfs.entries.set("/data/two", Buffer.from("TWO"));
        return false;
      }
      if (op !== "LISTSTATUS_BATCH" || failures >= 2) return false;
      failures += 1;
      refuse(response, 503, "RetriableException", "come back");
      return true;
    });

    const { status, lastLine } = await sync(["run", urlOf(hdfs, "/data"), target.url()], env);

    assert.equal(status, 0, lastLine);
    assert.equal(failures, 2);
    assert.deepEqual(await target.contents(), { four: "four", one: "one", three: "three", two: "TWO" });
  });

  it("takes the controller's configuration, and says what is missing", async (t) => {
    const hdfs = await startWebHdfs(t);
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, "out"));
    hdfs.entries.set("/argo", undefined);
    hdfs.entries.set("/argo/f", Buffer.from("content"));
    const config = join(folder, "repository.yaml");
    const { host } = new URL(hdfs.url);
    const location = `addresses: ['http://${host}'], hdfsUser: argo, path: /argo, pathFormat: 'argo/{{workflow.name}}'`;
    await writeFile(config, `artifactRepository: {hdfs: {${location}}}\n`);
    const out = `file://${folder}/out`;

    const configured = await sync(["run", config, out]);
    const nobody = await sync(["plan", urlOf(hdfs, "/argo"), out]);
    const nameless = await sync(["plan", "hdfs:///argo", out], env);
    const wrong = await sync(["plan", `${urlOf(hdfs, "/argo")}?force=true`, out], env);

    assert.equal(configured.status, 0, configured.lastLine);
    assert.deepEqual([nobody.status, nameless.status, wrong.status], [64, 64, 64]);
    assert.match(nobody.lastLine, /HADOOP_USER_NAME/);
    assert.match(nameless.lastLine, /names no name node/);
    assert.match(wrong.lastLine, /no parameter "force"/);
  });
});
