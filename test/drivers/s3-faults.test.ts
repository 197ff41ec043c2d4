import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { type FileRequest, startFileServer } from "./file-server.ts";
import { s3Artifact, secrets } from "./s3-location.ts";
import { load } from "./suite.ts";
import { fileOf, noise, patience, streamContent, surroundings, temporaryFolder } from "./surroundings.ts";

const mib = 1024 * 1024;
const html = "<html><body>please log in</body></html>";
const ns = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer;
  /** The connection ends after the body, which has no length. */
  readonly isOpenEnded?: boolean;
}

/** A store that answers every request as the test says, whatever it is. */
async function startStore(t: TestContext, reply: (request: FileRequest, url: URL) => Reply) {
  const server = await startFileServer(t);
  server.intercept((request, response) => {
    const {
      status = 200,
      headers = {},
      body = "",
      isOpenEnded,
    } = reply(request, new URL(request.path, "http://s"));
    const length = isOpenEnded ? { connection: "close" } : { "content-length": Buffer.byteLength(body) };
    if (isOpenEnded) response.useChunkedEncodingByDefault = false;
    response.writeHead(status, { ...length, ...headers });
    response.end(body);
    return true;
  });
  const endpoint = server.url.replace("http://", "");
  const context = surroundings(secrets, { partSizeBytes: 5 * mib });
  const driver = await openDriver(s3Artifact(endpoint, "unused"), context);
  t.after(() => driver[Symbol.asyncDispose]());
  return { driver, requests: server.requests, artifact: (key: string) => s3Artifact(endpoint, key) };
}

function listing(keys: readonly string[], more: { token?: string; isTruncated?: boolean } = {}): string {
  const items = keys
    .map((key) => `<Contents><Key>${key}</Key><Size>1</Size><ETag>"x"</ETag></Contents>`)
    .join("");
  const token =
    more.token === undefined ? "" : `<NextContinuationToken>${more.token}</NextContinuationToken>`;
  const isTruncated = more.isTruncated ?? more.token !== undefined;
  return `<?xml version="1.0"?><ListBucketResult ${ns}><IsTruncated>${isTruncated}</IsTruncated>${token}${items}</ListBucketResult>`;
}

describe("S3 driver: a store, or what stands in for it, that answers wrongly", () => {
  it("does not take a HEAD without Content-Length for an empty file", async (t) => {
    const head = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.write('HTTP/1.1 200 OK\r\nETag: "x"\r\n\r\n'));
    }).listen(0, "127.0.0.1");
    await once(head, "listening");
    t.after(() => head.close());
    const at = s3Artifact(`127.0.0.1:${(head.address() as AddressInfo).port}`, "model");
    await using driver = await openDriver(at, surroundings(secrets));

    await assert.rejects(load(driver, at), /did not say how long the object is/);
  });

  it("does not take another range than it asked for", async (t) => {
    const content = noise(9 * mib);
    const { driver, artifact } = await startStore(t, ({ method, headers }) => {
      if (method === "HEAD") return { headers: { "content-length": content.length, etag: '"x-2"' } };
      const [, from = 0, to = 0] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? "")?.map(Number) ?? [];
      // As long as was asked for, from the beginning.
      const body = content.subarray(0, to - from + 1);
      return { status: 206, headers: { "content-range": `bytes 0-${to - from}/${content.length}` }, body };
    });
    const stored = await driver.open(artifact("model"), patience());
    assert.equal(stored.kind, "file");

    const loaded = stored.kind === "file" && stored.saveTo?.(join(await temporaryFolder(t), "model"));

    await assert.rejects(Promise.resolve(loaded), (error: Error) => {
      assert.match(error.message, /asked for bytes \d+-\d+\/\d+, the store answered with/);
      return isExecutorError(error, "Corrupt");
    });
  });

  it("does not ask for ever where the right range is promised and nothing of it comes", async (t) => {
    const sizeBytes = 9 * mib;
    const { driver, artifact } = await startStore(t, ({ method, headers }) => {
      if (method === "HEAD") return { headers: { "content-length": sizeBytes, etag: '"x-2"' } };
      const [, from = 0, to = 0] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? "")?.map(Number) ?? [];
      const range = { "content-range": `bytes ${from}-${to}/${sizeBytes}` };
      return { status: 206, headers: range, body: "", isOpenEnded: true };
    });
    const stored = await driver.open(artifact("model"), patience());
    assert.equal(stored.kind, "file");

    const loaded = stored.kind === "file" && stored.saveTo?.(join(await temporaryFolder(t), "model"));

    await assert.rejects(Promise.resolve(loaded), /unexpected EOF/);
  });

  for (const [title, reply] of [
    ["a web page", { body: html }],
    ["nothing, and no ETag", {}],
    [
      "an error with a namespace",
      { headers: { etag: '"x"' }, body: `<Error ${ns}><Code>InternalError</Code></Error>` },
    ],
  ] as const) {
    it(`is not saved by a PUT that is answered 200 with ${title}`, async (t) => {
      const { driver, artifact } = await startStore(t, () => reply);

      await assert.rejects(driver.saveFile(artifact("model"), fileOf("model", "content"), patience()));
    });

    it(`is not saved by a completion that is answered 200 with ${title}`, async (t) => {
      const { driver, artifact } = await startStore(t, ({ method }, { searchParams }) => {
        if (method === "PUT") return { headers: { etag: '"part"' } };
        if (searchParams.has("uploads")) {
          return {
            body: `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`,
          };
        }
        if (method === "HEAD") return { status: 403 };
        return method === "POST" ? reply : { status: 204 };
      });

      await assert.rejects(
        driver.saveFile(artifact("model"), streamContent("model", noise(6 * mib), true), patience()),
      );
    });
  }

  for (const [title, reply] of [
    ["with a web page", { body: html }],
    ["cut off", { body: listing(["d/a", "d/b"]).slice(0, -30), isOpenEnded: true }],
    [
      "with an empty page that says it is truncated, without a token",
      { body: listing([], { isTruncated: true }) },
    ],
    ["with empty pages that say they are truncated, for ever", { body: listing([], { token: "t" }) }],
    ["with the same page again and again", { body: listing(["d/a", "d/b"], { token: "t" }) }],
    ["ignoring start-after", { body: listing(["d/a", "d/b"], { isTruncated: true }) }],
    ["with keys of others", { body: listing(["other/a"]) }],
  ] as const) {
    it(`fails a directory whose listing is answered ${title}`, async (t) => {
      const { driver, artifact } = await startStore(t, ({ method }, { searchParams }) => {
        if (method === "HEAD") return { status: 404 };
        // The first look is for a single object.
        if (searchParams.get("max-keys") === "1") return { body: listing(["d/a"]) };
        return searchParams.has("list-type") ? reply : { headers: { etag: '"x"' }, body: "1" };
      });
      const stored = await driver.open(artifact("d"), patience());
      assert.equal(stored.kind, "directory");

      const loaded = stored.kind === "directory" && stored.download(await temporaryFolder(t));

      await assert.rejects(Promise.resolve(loaded), (error: Error) =>
        isExecutorError(error, "Transient", "Unsupported"),
      );
    });
  }

  it("follows continuation tokens, over empty pages too", async (t) => {
    const pages: Readonly<Record<string, string>> = {
      "": listing(["d/a"], { token: "1" }),
      1: listing([], { token: "2" }),
      2: listing(["d/b"], { token: "3" }),
      3: listing(["d/c"]),
    };
    const { driver, artifact } = await startStore(t, ({ method }, { searchParams }) => {
      if (method === "HEAD") return { status: 404 };
      if (searchParams.get("max-keys") === "1") return { body: listing(["d/a"]) };
      const page = pages[searchParams.get("continuation-token") ?? ""] ?? "";
      return searchParams.has("list-type") ? { body: page } : { headers: { etag: '"x"' }, body: "1" };
    });
    const folder = await temporaryFolder(t);
    const stored = await driver.open(artifact("d"), patience());

    if (stored.kind === "directory") await stored.download(folder);

    assert.deepEqual((await readdir(folder)).sort(), ["a", "b", "c"]);
  });

  for (const [title, body] of [
    ["a web page", html],
    ["errors without a key", `<DeleteResult ${ns}><Error><Code>AccessDenied</Code></Error></DeleteResult>`],
    ["an error of its own", `<Error ${ns}><Code>AccessDenied</Code></Error>`],
  ] as const) {
    it(`deletes nothing by a batch that is answered 200 with ${title}`, async (t) => {
      const { driver, artifact } = await startStore(t, ({ method }) =>
        method === "POST" ? { body } : { body: listing([]) },
      );

      const outcomes = await driver.deleteMany([artifact("a"), artifact("b")], patience());

      assert.deepEqual(
        outcomes.map((outcome) => outcome instanceof Error),
        [true, true],
      );
    });
  }

  it("sends no ETag that would be a request of its own", async (t) => {
    const smuggled =
      '"x"&#13;&#10;&#13;&#10;DELETE /bucket/other HTTP/1.1&#13;&#10;host: s&#13;&#10;&#13;&#10;';
    const { driver, artifact, requests } = await startStore(t, ({ method }, { searchParams }) => {
      if (method === "HEAD") return { status: 404 };
      return searchParams.has("list-type")
        ? { body: listing(["d/a"]).replace('"x"', smuggled) }
        : { body: "1" };
    });
    const stored = await driver.open(artifact("d"), patience());

    const loaded = stored.kind === "directory" && stored.download(await temporaryFolder(t));

    await assert.rejects(Promise.resolve(loaded), /invalid header field value for "if-match"/);
    assert.deepEqual(
      requests.map(({ method, path }) => [method, path.split("?")[0]]),
      [
        ["HEAD", "/bucket/d"],
        ["GET", "/bucket"],
        ["GET", "/bucket"],
      ],
    );
  });

  it("saves without the SHA-256 where a policy forbids headers that it does not know, and remembers it", async (t) => {
    const { driver, artifact, requests } = await startStore(t, ({ headers }) =>
      headers["x-amz-meta-outrider-sha256"] === undefined
        ? { headers: { etag: '"x"' } }
        : { status: 403, body: "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>" },
    );

    for (const key of ["a", "b"]) await driver.saveFile(artifact(key), fileOf(key, "content"), patience());

    assert.deepEqual(
      requests.map(({ path, headers }) => [path, "x-amz-meta-outrider-sha256" in headers]),
      [
        ["/bucket/a", true],
        ["/bucket/a", false],
        ["/bucket/b", false],
      ],
    );
  });
});
