import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { type ArtifactDriver, openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Artifact } from "../../src/template/index.ts";
import { type S3TestOptions, type S3UnderTest, s3Artifact, startS3 } from "./s3-location.ts";
import { load } from "./suite.ts";
import {
  fileOf,
  keysOf,
  noise,
  patience,
  streamContent,
  surroundings,
  temporaryFolder,
  treeOf,
} from "./surroundings.ts";

const mib = 1024 * 1024;

interface OpenS3 extends S3UnderTest {
  readonly driver: ArtifactDriver;
}

async function openS3(t: TestContext, options: S3TestOptions = {}, artifact?: Artifact): Promise<OpenS3> {
  const s3 = await startS3(t, options);
  const driver = await openDriver(artifact ?? s3.artifact("unused"), s3.context);
  t.after(() => driver[Symbol.asyncDispose]());
  return { ...s3, driver };
}

describe("S3 driver: what goes wrong on the way up", () => {
  it("resumes the upload after the server drops the connection in part 2", async (t) => {
    const content = noise(20 * mib);
    const { driver, artifact, server } = await openS3(t, {
      faults: [{ match: { part: 2 }, times: 1, kind: "reset", of: "request", afterBytes: mib }],
    });

    await driver.saveFile(artifact("model"), fileOf("model", content), patience());

    assert.ok((await load(driver, artifact("model"))).equals(content));
    assert.equal(server.requests.filter(({ query }) => query.partNumber === "1").length, 1);
  });

  it("R10: repeats a request that a proxy answered with 503 and a web page", async (t) => {
    const { driver, artifact } = await openS3(t, {
      faults: [
        { match: { method: "PUT" }, times: 2, kind: "status", status: 503, body: "<html>busy</html>" },
      ],
    });

    await driver.saveFile(artifact("a"), fileOf("a", "a"), patience());

    assert.equal((await load(driver, artifact("a"))).toString(), "a");
  });

  it("R12: waits as long as the store asks when its rate is exceeded", async (t) => {
    const { driver, artifact } = await openS3(t, {
      faults: [{ match: { method: "PUT" }, times: 1, kind: "status", status: 429, retryAfter: 1 }],
    });
    const startedMs = performance.now();

    await driver.saveFile(artifact("log"), fileOf("log", "x"), patience());

    assert.ok(performance.now() - startedMs >= 1000);
  });

  it("R8: leaves no object and no parts behind when an upload is cancelled", async (t) => {
    const { driver, artifact, server } = await openS3(t, {
      faults: [{ match: { part: 3 }, kind: "delay", ms: 20_000 }],
    });
    const stop = new AbortController();
    const saving = driver.saveFile(artifact("half"), streamContent("half", noise(40 * mib)), stop.signal);
    void server.waitForRequest(({ query }) => query.partNumber === "3").then(() => stop.abort());

    await assert.rejects(saving);

    await server.waitForRequest(({ method, query }) => method === "DELETE" && query.uploadId !== undefined);
    await assert.rejects(driver.open(artifact("half"), patience()), (error) =>
      isExecutorError(error, "NotFound"),
    );
  });

  it("aborts the upload when the source fails, and passes the source's error on", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const content = streamContent("broken", noise(30 * mib));
    const broken = {
      ...content,
      open() {
        const stream = content.open();
        let chunks = 0;
        stream.on("data", () => {
          chunks += 1;
          if (chunks === 200) stream.destroy(new Error("read /out/broken: input/output error"));
        });
        return stream.pause();
      },
    };

    await assert.rejects(driver.saveFile(artifact("broken"), broken, patience()), /input\/output error/);

    await server.waitForRequest(({ method, query }) => method === "DELETE" && query.uploadId !== undefined);
  });

  it("R22: stores a large file with one put where the store has no multipart uploads", async (t) => {
    const content = noise(20 * mib);
    const { driver, artifact } = await openS3(t, {
      faults: [{ match: { query: "uploads" }, kind: "status", status: 501, code: "NotImplemented" }],
    });

    await driver.saveFile(artifact("known"), fileOf("known", content), patience());
    await driver.saveFile(artifact("unknown"), streamContent("unknown", content), patience());

    assert.ok((await load(driver, artifact("known"))).equals(content));
    assert.ok((await load(driver, artifact("unknown"))).equals(content));
  });

  it("fails a file that is not as long as it was announced", async (t) => {
    const { driver, artifact } = await openS3(t);
    const content = { ...fileOf("f", "12345"), sizeBytes: 4 };

    await assert.rejects(
      driver.saveFile(artifact("f"), content, patience()),
      (error) => isExecutorError(error, "Corrupt") || /changed/.test(String(error)),
    );
  });

  it("stores a file in parts that are larger than the memory it may use", async (t) => {
    const content = noise(70 * mib);
    const settings = { memoryBytes: 4 * mib, partSizeBytes: 30 * mib };
    const { driver, artifact, server } = await openS3(t, { settings });

    await driver.saveFile(artifact("big"), fileOf("big", content), patience());

    assert.equal(server.requests.filter(({ query }) => query.partNumber !== undefined).length, 3);
    assert.ok((await load(driver, artifact("big"))).equals(content));
  });

  it("S6: goes on with new credentials when they are rotated during an upload", async (t) => {
    const content = noise(40 * mib);
    const { driver, artifact, server, context } = await openS3(t, {
      faults: [{ match: { part: 2 }, times: 1, kind: "delay", ms: 200 }],
    });
    const saving = driver.saveFile(artifact("long"), streamContent("long", content), patience());
    await server.waitForRequest(({ query }) => query.partNumber === "2");
    context.secrets.set("keys/access", "access2").set("keys/secret", "secret2");
    server.replaceCredentials({ accessKey: "access2", secretKey: "secret2" });

    await saving;

    assert.ok((await load(driver, artifact("long"))).equals(content));
  });

  it("S1: fails a directory whose walk fails, naming the path", async (t) => {
    const { driver, artifact } = await openS3(t);
    const tree = {
      async *files() {
        yield { path: "a", content: fileOf("a", "a") };
        throw new Error("open /out/private: permission denied");
      },
    };

    await assert.rejects(
      driver.saveTree(artifact("dir"), tree, patience()),
      /open \/out\/private: permission denied/,
    );
  });
});

describe("S3 driver: what goes wrong on the way down", () => {
  for (const kind of ["reset", "truncate"] as const) {
    it(`takes up a download again where the connection broke (${kind})`, async (t) => {
      const content = noise(11 * mib);
      const { driver, artifact, server } = await openS3(t);
      await driver.saveFile(artifact("f"), fileOf("f", content), patience());
      const effect = kind === "reset" ? { kind, of: "response" as const } : { kind };
      server.addFault({ match: { method: "GET" }, times: 4, ...effect, afterBytes: mib });

      assert.ok((await load(driver, artifact("f"))).equals(content));
    });
  }

  it("notices a byte that changed on the way", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    await driver.saveFile(artifact("f"), fileOf("f", noise(mib)), patience());
    server.addFault({ match: { method: "GET" }, kind: "corrupt", at: 1000 });

    await assert.rejects(load(driver, artifact("f")), (error) => isExecutorError(error, "Corrupt"));
  });

  it("does not mix two versions when the object is replaced while it is read", async (t) => {
    const { driver, artifact } = await openS3(t);
    await driver.saveFile(artifact("f"), fileOf("f", noise(30 * mib)), patience());
    const stored = await driver.open(artifact("f"), patience());
    assert.equal(stored.kind, "file");
    if (stored.kind !== "file") return;
    await driver.saveFile(artifact("f"), fileOf("f", noise(mib)), patience());

    await assert.rejects(buffer(stored.openStream()), (error) => isExecutorError(error, "Conflict"));
  });

  it("R11: says in Go's words that nobody listens, after trying as often as it may", async (t) => {
    const { server, context } = await startS3(t);
    const { endpoint } = server;
    await server[Symbol.asyncDispose]().catch(() => {});
    const driver = await openDriver(s3Artifact(endpoint, "k"), context);
    t.after(() => driver[Symbol.asyncDispose]());

    await assert.rejects(driver.open(s3Artifact(endpoint, "k"), patience()), (error: Error) => {
      assert.ok(isExecutorError(error, "Transient"));
      assert.match(
        error.message,
        /^failed to get file: timed out waiting for the condition: .*connect: connection refused/,
      );
      return true;
    });
  });

  it("reads an object that was begun and never finished reading without holding up the next", async (t) => {
    const content = noise(20 * mib);
    const { driver, artifact } = await openS3(t, { settings: { memoryBytes: 8 * mib } });
    await driver.saveFile(artifact("f"), fileOf("f", content), patience());
    const stored = await driver.open(artifact("f"), patience());
    assert.ok(stored.kind === "file");
    const paused = stored.openStream();
    paused.read();

    assert.ok((await buffer(stored.openStream())).equals(content));

    paused.destroy();
  });

  it("refuses a stored name that leads out of the directory (docs/contract/artifacts.md#D-46)", async (t) => {
    const { driver, artifact } = await openS3(t);
    await driver.saveFile(artifact("dir/../../outside.txt"), fileOf("x", "evil"), patience());
    await driver.saveFile(artifact("dir/a"), fileOf("a", "a"), patience());
    const stored = await driver.open(artifact("dir"), patience());
    assert.ok(stored.kind === "directory");
    const folder = await temporaryFolder(t);

    await assert.rejects(stored.download(folder), (error) => isExecutorError(error, "BadRequest"));

    assert.ok(!(await readdir(folder)).includes("outside.txt"));
  });

  it("S1: fails a directory whose listing fails half way", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    await driver.saveTree(artifact("dir"), treeOf({ a: "a", b: "b" }), patience());
    const stored = await driver.open(artifact("dir"), patience());
    assert.ok(stored.kind === "directory");
    server.addFault({ match: { query: "list-type" }, kind: "status", status: 403, code: "AccessDenied" });

    await assert.rejects(stored.download(await temporaryFolder(t)), /failed to get directory/);
  });

  it("loads a folder that a console made with a marker object", async (t) => {
    const { driver, artifact } = await openS3(t);
    await driver.saveFile(artifact("dir/"), fileOf("dir", ""), patience());
    await driver.saveFile(artifact("dir/a.txt"), fileOf("a.txt", "a"), patience());

    const stored = await driver.open(artifact("dir/"), patience());

    assert.equal(stored.kind, "directory");
    const folder = await temporaryFolder(t);
    if (stored.kind === "directory") await stored.download(folder);
    assert.deepEqual(await readdir(folder), ["a.txt"]);
  });
});

describe("S3 driver: who may, and where", () => {
  it("does not take a missing bucket for a missing object", async (t) => {
    const { context, server } = await startS3(t);
    const artifact = s3Artifact(server.endpoint, "k", { bucket: "no-bucket" });
    const driver = await openDriver(artifact, context);
    t.after(() => driver[Symbol.asyncDispose]());

    await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
      assert.equal(error.message, "failed to test if k is a directory: The specified bucket does not exist");
      return isExecutorError(error, "BadRequest");
    });
  });

  it("calls a denied access Forbidden, with the words of the reference", async (t) => {
    const { driver, artifact } = await openS3(t, {
      faults: [{ match: { method: "HEAD" }, kind: "status", status: 403, code: "AccessDenied" }],
    });

    await assert.rejects(driver.open(artifact("k"), patience()), (error: Error) => {
      assert.equal(error.message, "failed to get file: Access Denied.");
      return isExecutorError(error, "Forbidden");
    });
  });

  it("S13: names the skew when the node's clock is wrong", async (t) => {
    const { driver, artifact } = await openS3(t, { clockOffsetMs: 20 * 60_000 });

    await assert.rejects(
      driver.saveFile(artifact("k"), fileOf("k", "k"), patience()),
      /clock is 20 minutes behind the store/,
    );
  });

  it("makes the bucket once if it is asked to, and saves when it is there already", async (t) => {
    const { context, server } = await startS3(t);
    const artifact = s3Artifact(server.endpoint, "k", { bucket: "new-bucket", createBucketIfNotPresent: {} });
    for (const content of ["first", "second"]) {
      await using driver = await openDriver(artifact, context);

      await driver.saveFile(artifact, fileOf("k", content), patience());

      assert.equal((await load(driver, artifact)).toString(), content);
    }
  });

  it("learns the region from the store's refusal", async (t) => {
    const { driver, artifact } = await openS3(t, { region: "eu-west-3" });

    await driver.saveFile(artifact("k"), fileOf("k", "k"), patience());

    assert.equal((await load(driver, artifact("k"))).toString(), "k");
  });

  it("learns the region before it looks for an object, too", async (t) => {
    const { driver, artifact } = await openS3(t, { region: "eu-west-3" });

    await assert.rejects(driver.open(artifact("k"), patience()), (error) =>
      isExecutorError(error, "NotFound"),
    );
  });

  it("names the secret that is missing", async () => {
    const artifact = s3Artifact("127.0.0.1:1", "k");

    await assert.rejects(
      openDriver(artifact, surroundings()),
      /open \/argo\/secret\/keys\/access: no such file/,
    );
  });

  it("sends the content type that the file's extension stands for", async (t) => {
    const { driver, artifact, server } = await openS3(t);

    await driver.saveFile(artifact("k"), fileOf("report.html", "<p>"), patience());

    const put = server.requests.find(({ method }) => method === "PUT");
    assert.equal(put?.headers["content-type"], "text/html; charset=utf-8");
    assert.ok(put?.headers["content-md5"]);
    assert.equal(
      Object.keys(put?.headers ?? {}).some((name) => name.startsWith("x-amz-checksum")),
      false,
    );
  });

  it("writes the closing lines that people search for", async (t) => {
    const { driver, artifact, context } = await openS3(t);

    await driver.saveFile(artifact("k"), fileOf("k", "k"), patience());
    await load(driver, artifact("k"));
    await assert.rejects(driver.open(artifact("nothing"), patience()));
    await driver.delete(artifact("k"), patience());

    const closing = context.lines.filter(({ fields }) => fields.duration !== undefined);
    assert.deepEqual(
      closing.map(({ message, fields }) => [message, fields.artifactName, fields.key, fields.error]),
      [
        ["Save artifact", "artifact", "k", undefined],
        ["Load artifact", "artifact", "k", undefined],
        ["Load artifact", "artifact", "nothing", "The specified key does not exist."],
        ["Delete artifact", "artifact", "k", undefined],
      ],
    );
  });
});

describe("S3 driver: keys", () => {
  for (const [title, key] of [
    ["begins with a slash", "/leading"],
    ["holds empty elements", "a//b///c"],
    ["holds dots", "a/./b/../c"],
    ["is as long as S3 allows", `${"k".repeat(1000)}/${"é".repeat(11)}`],
    ["holds a control character", "line\nbreak\u0001"],
  ] as const) {
    it(`S15: keeps a key that ${title}`, async (t) => {
      const { driver, artifact, server } = await openS3(t);

      await driver.saveFile(artifact(key), fileOf("k", "content"), patience());

      assert.equal((await load(driver, artifact(key))).toString(), "content");
      assert.ok(server.requests.some(({ method, key: stored }) => method === "PUT" && stored === key));
      assert.ok((await keysOf(driver, artifact(""), patience())).includes(key));
      await driver.delete(artifact(key), patience());
      assert.deepEqual(await keysOf(driver, artifact(""), patience()), []);
    });
  }
});

describe("S3 driver: listing", () => {
  it("asks for pages as they are read, one ahead, and for no more when the reader stops", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const files: Record<string, string> = {};
    for (let index = 0; index < 3500; index += 1) files[`${index}`.padStart(5, "0")] = "";
    await driver.saveTree(artifact("dir"), treeOf(files), patience());
    const pages = () => server.requests.filter(({ query }) => query["list-type"] !== undefined).length;
    const before = pages();

    for await (const { key } of driver.list(artifact("dir"), patience())) if (key === "dir/01002") break;

    assert.ok(pages() - before <= 3, `${pages() - before} pages for two`);
    assert.equal((await keysOf(driver, artifact("dir"), patience())).length, 3500);
  });

  it("fails a listing that breaks off behind its first page, and logs it", async (t) => {
    const { driver, artifact, context } = await openS3(t, {
      faults: [{ match: { query: "continuation-token" }, kind: "status", status: 403, code: "AccessDenied" }],
    });
    const files: Record<string, string> = {};
    for (let index = 0; index < 1001; index += 1) files[`${index}`] = "";
    await driver.saveTree(artifact("dir"), treeOf(files), patience());
    let seen = 0;

    await assert.rejects(
      async () => {
        for await (const _ of driver.list(artifact("dir"), patience())) seen += 1;
      },
      (error) => isExecutorError(error, "Forbidden") && /failed to list directory/.test(error.message),
    );

    assert.equal(seen, 1000);
    const line = context.lines.find(({ message }) => message === "List objects");
    assert.match(String(line?.fields.error), /Access/);
  });
});

describe("S3 driver: deletion", () => {
  it("deletes 1,200 artifacts with a handful of requests", async (t) => {
    const { driver, artifact, server } = await openS3(t);
    const files: Record<string, string> = {};
    for (let index = 0; index < 1200; index += 1) files[`pod-${index}/out.tgz`] = "x";
    await driver.saveTree(artifact("wf"), treeOf(files), patience());
    server.clearRequests();

    const outcomes = await driver.deleteMany(
      Object.keys(files).map((path) => artifact(`wf/${path}`)),
      patience(),
    );

    assert.ok(outcomes.every((outcome) => outcome === undefined));
    assert.ok(server.requests.length <= 10, `${server.requests.length} requests`);
    await assert.rejects(keysOf(driver, artifact("wf"), patience()), /no key found/);
  });

  it("deletes one by one where the store has no batches", async (t) => {
    const { driver, artifact } = await openS3(t, {
      faults: [{ match: { query: "delete" }, kind: "status", status: 501, code: "NotImplemented" }],
    });
    await driver.saveTree(artifact("dir"), treeOf({ a: "a", b: "b", "c/d": "d" }), patience());

    await driver.delete(artifact("dir"), patience());

    await assert.rejects(keysOf(driver, artifact("dir"), patience()), /no key found/);
  });

  it("reports every artifact when the store refuses", async (t) => {
    const { driver, artifact } = await openS3(t, {
      faults: [
        { match: { query: "delete" }, kind: "status", status: 403, code: "AccessDenied" },
        { match: { query: "list-type" }, kind: "status", status: 403, code: "AccessDenied" },
      ],
    });

    const outcomes = await driver.deleteMany([artifact("a"), artifact("b")], patience());

    assert.ok(outcomes.every((outcome) => isExecutorError(outcome, "Forbidden")));
  });

  it("is done with a file where it may delete and not list", async (t) => {
    const { driver, artifact } = await openS3(t, {
      faults: [{ match: { query: "list-type" }, kind: "status", status: 403, code: "AccessDenied" }],
    });
    await driver.saveFile(artifact("a"), fileOf("a", "a"), patience());

    const outcomes = await driver.deleteMany([artifact("a"), artifact("dir/")], patience());

    assert.equal(outcomes[0], undefined);
    assert.match(String(outcomes[1]), /unable to list files in dir\//);
  });

  it("never takes an empty key for the whole bucket", async (t) => {
    const { driver, artifact } = await openS3(t);
    await driver.saveFile(artifact("a"), fileOf("a", "a"), patience());

    await assert.rejects(driver.delete(artifact(""), patience()), /key is empty/);

    assert.deepEqual(await keysOf(driver, artifact(""), patience()), ["a"]);
  });
});
