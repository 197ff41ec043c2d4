import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { type ArtifactDriver, openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Artifact, HttpLocation } from "../../src/template/index.ts";
import { startFileServer } from "./file-server.ts";
import { load } from "./suite.ts";
import { fileOf, noise, patience, streamContent, surroundings } from "./surroundings.ts";

const artifact = (url: string, location: Partial<HttpLocation> = {}): Artifact => ({
  name: "artifact",
  http: { url, ...location },
});

async function open(
  t: TestContext,
  at: Artifact,
  secrets: Record<string, string> = {},
): Promise<ArtifactDriver> {
  const driver = await openDriver(at, surroundings(secrets));
  t.after(() => driver[Symbol.asyncDispose]());
  return driver;
}

describe("HTTP driver: loading", () => {
  it("reports a missing file by its status line", async (t) => {
    const { url } = await startFileServer(t);
    const driver = await open(t, artifact(url));

    await assert.rejects(driver.open(artifact(`${url}/none`), patience()), (error: Error) => {
      assert.equal(error.message, "404 Not Found");
      return isExecutorError(error, "NotFound");
    });
  });

  it("reports a refusal in the words of the reference, and at once", async (t) => {
    const server = await startFileServer(t);
    server.intercept((_, response) => {
      response.writeHead(403).end();
      return true;
    });
    const driver = await open(t, artifact(server.url));

    await assert.rejects(driver.open(artifact(server.url), patience()), (error: Error) => {
      assert.equal(error.message, "loading content from URL failed with reason: 403 Forbidden");
      return isExecutorError(error, "Forbidden");
    });
    assert.equal(server.requests.length, 1);
  });

  it("repeats a request that the server could not serve for a moment", async (t) => {
    const server = await startFileServer(t);
    server.files.set("/f", Buffer.from("content"));
    server.intercept((_, response) => {
      if (server.requests.length > 2) return false;
      response.writeHead(503).end("busy");
      return true;
    });
    const driver = await open(t, artifact(server.url));

    assert.equal((await load(driver, artifact(`${server.url}/f`))).toString(), "content");
  });

  it("does not mix two versions when the file is replaced while it is read", async (t) => {
    const server = await startFileServer(t);
    server.files.set("/f", noise(1024));
    server.intercept((_, response) => {
      if (server.requests.length > 1) return false;
      response.writeHead(200, { etag: '"older"', "content-length": 2000 });
      response.write(Buffer.alloc(1000), () => response.destroy());
      return true;
    });
    const driver = await open(t, artifact(server.url));

    const loading = load(driver, artifact(`${server.url}/f`));

    await assert.rejects(loading, (error) => isExecutorError(error, "Conflict"));
    assert.equal(server.requests[1]?.headers["if-range"], '"older"');
  });

  it("takes up a download again where the connection broke", async (t) => {
    const content = noise(3 * 1024 * 1024);
    const server = await startFileServer(t);
    server.intercept((request, response) => {
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const range = `bytes ${start}-${content.byteLength - 1}/${content.byteLength}`;
      const headers = { etag: '"same"', "content-length": content.byteLength - start };
      response.writeHead(
        start === 0 ? 200 : 206,
        start === 0 ? headers : { ...headers, "content-range": range },
      );
      response.write(content.subarray(start, start + 1_000_000), () => response.destroy());
      return true;
    });
    const driver = await open(t, artifact(server.url));

    assert.ok((await load(driver, artifact(`${server.url}/f`))).equals(content));
  });

  it("notices that what goes on is not what follows the part that it has", async (t) => {
    const content = noise(2_000_000);
    const server = await startFileServer(t);
    server.intercept(({ headers: { range } }, response) => {
      const headers = { etag: '"same"', "content-length": range === undefined ? 2_000_000 : 1_000_000 };
      const wrong = { "content-range": "bytes 1-1999999/2000000" };
      response.writeHead(
        range === undefined ? 200 : 206,
        range === undefined ? headers : { ...headers, ...wrong },
      );
      response.write(content.subarray(0, 1_000_001), () => response.destroy());
      return true;
    });
    const driver = await open(t, artifact(server.url));

    await assert.rejects(load(driver, artifact(`${server.url}/f`)), (error) =>
      isExecutorError(error, "Corrupt"),
    );
  });

  it("decodes a gzip encoding that nobody but us asked for", async (t) => {
    const server = await startFileServer(t);
    server.intercept((request, response) => {
      assert.equal(request.headers["accept-encoding"], "gzip");
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("plain text"));
      return true;
    });
    const driver = await open(t, artifact(server.url));

    assert.equal((await load(driver, artifact(server.url))).toString(), "plain text");
  });

  it("takes an empty file for one, whatever its encoding, and names an encoding that is none", async (t) => {
    const server = await startFileServer(t);
    server.intercept(({ path }, response) => {
      const body = path === "/empty" ? "" : "no gzip";
      response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
      return true;
    });
    const driver = await open(t, artifact(server.url));

    assert.equal((await load(driver, artifact(`${server.url}/empty`))).length, 0);
    await assert.rejects(load(driver, artifact(`${server.url}/f?sig=s3cret`)), {
      code: "Corrupt",
      message: /\/f\?sig=REDACTED names gzip as its Content-Encoding, and its content is damaged or no gzip/,
    });
  });

  it("leaves an encoding alone that the user asked for", async (t) => {
    const body = gzipSync("plain text");
    const server = await startFileServer(t);
    server.intercept((_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(body);
      return true;
    });
    const at = artifact(server.url, { headers: [{ name: "Accept-Encoding", value: "gzip" }] });
    const driver = await open(t, at);

    assert.ok((await load(driver, at)).equals(body));
  });

  it("sends repeated headers as often as they are given", async (t) => {
    const server = await startFileServer(t);
    server.files.set("/", Buffer.from("x"));
    const headers = [
      { name: "X-Tag", value: "one" },
      { name: "X-Tag", value: "two" },
    ];
    const driver = await open(t, artifact(server.url, { headers }));

    await load(driver, artifact(server.url, { headers }));

    assert.equal(server.requests[0]?.headers["x-tag"], "one, two");
  });

  it("S9: takes no credentials along to another host, and other headers do travel", async (t) => {
    const server = await startFileServer(t);
    server.files.set("/target", Buffer.from("there"));
    server.intercept((request, response) => {
      if (request.path !== "/start") return false;
      response
        .writeHead(302, { location: server.url.replace("127.0.0.1", "localhost").concat("/target") })
        .end();
      return true;
    });
    const headers = [
      { name: "Authorization", value: "Bearer secret" },
      { name: "Cookie", value: "session=secret" },
      { name: "X-Team", value: "a" },
    ];
    const at = artifact(`${server.url}/start`, { headers });
    const driver = await open(t, at);

    assert.equal((await load(driver, at)).toString(), "there");
    const [first, second] = server.requests;
    assert.equal(first?.headers.authorization, "Bearer secret");
    assert.equal(second?.headers.authorization, undefined);
    assert.equal(second?.headers.cookie, undefined);
    assert.equal(second?.headers["x-team"], "a");
  });

  it("ends after ten redirects", async (t) => {
    const server = await startFileServer(t);
    server.intercept((_, response) => {
      response.writeHead(302, { location: "/again" }).end();
      return true;
    });
    const driver = await open(t, artifact(server.url));

    await assert.rejects(driver.open(artifact(server.url), patience()), /stopped after 10 redirects/);
  });
});

describe("HTTP driver: saving", () => {
  it("announces the length, also of a small archive, and sends a large one in chunks", async (t) => {
    const server = await startFileServer(t);
    const driver = await open(t, artifact(server.url));

    await driver.saveFile(artifact(`${server.url}/a`), fileOf("a", "12345"), patience());
    await driver.saveFile(artifact(`${server.url}/b`), streamContent("b", Buffer.from("12345")), patience());
    await driver.saveFile(
      artifact(`${server.url}/c`),
      streamContent("c", noise(5 * 1024 * 1024)),
      patience(),
    );

    assert.equal(server.requests[0]?.headers["content-length"], "5");
    assert.equal(server.requests[1]?.headers["content-length"], "5");
    assert.equal(server.requests[2]?.headers["transfer-encoding"], "chunked");
    assert.equal(server.requests[0]?.headers["content-type"], undefined);
  });

  it("sends the content again where a 307 leads", async (t) => {
    const server = await startFileServer(t);
    server.intercept((request, response) => {
      if (!request.path.startsWith("/name")) return false;
      response.writeHead(307, { location: "/data?op=CREATE" }).end();
      return true;
    });
    const driver = await open(t, artifact(server.url));

    await driver.saveFile(artifact(`${server.url}/name?op=CREATE`), fileOf("f", "content"), patience());

    assert.equal(server.files.get("/data?op=CREATE")?.toString(), "content");
  });

  it("fails on a redirect that would drop the content", async (t) => {
    const server = await startFileServer(t);
    server.intercept((_, response) => {
      response.writeHead(302, { location: "/elsewhere" }).end();
      return true;
    });
    const driver = await open(t, artifact(server.url));

    await assert.rejects(
      driver.saveFile(artifact(server.url), fileOf("f", "x"), patience()),
      /status 302, which drops the content/,
    );
  });

  it("names the file and the URL without its secrets when the server fails", async (t) => {
    const server = await startFileServer(t);
    server.intercept((_, response) => {
      response.writeHead(500).end();
      return true;
    });
    const driver = await open(t, artifact(server.url));
    const at = artifact(`${server.url}/up?X-Amz-Signature=topsecret`);

    await assert.rejects(driver.saveFile(at, fileOf("out.txt", "x"), patience()), (error: Error) => {
      assert.match(
        error.message,
        /^saving file out\.txt to .*\/up\?X-Amz-Signature=REDACTED failed with reason: 500 Internal Server Error$/,
      );
      return isExecutorError(error, "Transient");
    });
  });
});

describe("HTTP driver: identity", () => {
  const basicAuth = {
    usernameSecret: { name: "web", key: "user" },
    passwordSecret: { name: "web", key: "password" },
  };

  it("sends Basic credentials without the line end of the secret", async (t) => {
    const server = await startFileServer(t);
    server.files.set("/", Buffer.from("x"));
    const at = artifact(server.url, { auth: { basicAuth } });
    const driver = await open(t, at, { "web/user": "me\n", "web/password": "pass\n" });

    await load(driver, at);

    assert.equal(
      server.requests[0]?.headers.authorization,
      `Basic ${Buffer.from("me:pass").toString("base64")}`,
    );
  });

  const oauth2 = {
    clientIDSecret: { name: "oauth", key: "id" },
    clientSecretSecret: { name: "oauth", key: "secret" },
    tokenURLSecret: { name: "oauth", key: "url" },
    scopes: ["read", "write"],
    endpointParams: [{ key: "audience", value: "store" }],
  };

  it("fetches one OAuth2 token and uses it for every request", async (t) => {
    const server = await startFileServer(t);
    server.files.set("/f", Buffer.from("x"));
    server.intercept((request, response) => {
      if (request.path !== "/token") return false;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ access_token: "abc", token_type: "bearer", expires_in: 3600 }));
      return true;
    });
    const at = artifact(`${server.url}/f`, { auth: { oauth2 } });
    const driver = await open(t, at, {
      "oauth/id": "id",
      "oauth/secret": "s/ecret",
      "oauth/url": `${server.url}/token`,
    });

    await load(driver, at);
    await load(driver, at);

    const [token, ...gets] = server.requests;
    assert.deepEqual(Object.fromEntries(new URLSearchParams(token?.body.toString())), {
      grant_type: "client_credentials",
      scope: "read write",
      audience: "store",
    });
    assert.equal(token?.headers.authorization, `Basic ${Buffer.from("id:s%2Fecret").toString("base64")}`);
    assert.deepEqual(
      gets.map(({ headers }) => headers.authorization),
      ["Bearer abc", "Bearer abc"],
    );
  });

  it("replaces a token that the server takes no longer, once", async (t) => {
    const server = await startFileServer(t);
    let tokens = 0;
    server.intercept((request, response) => {
      if (request.path === "/token") {
        tokens += 1;
        response.writeHead(200).end(JSON.stringify({ access_token: `t${tokens}`, expires_in: 3600 }));
        return true;
      }
      if (request.headers.authorization === "Bearer t2") return false;
      response.writeHead(401).end();
      return true;
    });
    const at = artifact(`${server.url}/f`, { auth: { oauth2 } });
    const secrets = { "oauth/id": "id", "oauth/secret": "secret", "oauth/url": `${server.url}/token` };
    const driver = await open(t, at, secrets);

    await driver.saveFile(at, fileOf("f", "content"), patience());

    assert.equal((await load(driver, at)).toString(), "content");
    assert.equal(tokens, 2);
    const stranger = await open(t, at, secrets);
    await stranger.saveFile(at, fileOf("f", "x"), patience()).then(
      () => assert.fail("t3 and t4 are unknown"),
      (error) => assert.ok(isExecutorError(error, "Unauthorized")),
    );
    assert.equal(tokens, 4);
  });

  it("puts the OAuth2 credentials into the body for a server that wants them there", async (t) => {
    const server = await startFileServer(t);
    server.files.set("/f", Buffer.from("x"));
    server.intercept((request, response) => {
      if (request.path !== "/token") return false;
      const isInBody = new URLSearchParams(request.body.toString()).get("client_secret") === "secret";
      response.writeHead(isInBody ? 200 : 401).end(isInBody ? '{"access_token":"t"}' : "{}");
      return true;
    });
    const at = artifact(`${server.url}/f`, { auth: { oauth2 } });
    const driver = await open(t, at, {
      "oauth/id": "id",
      "oauth/secret": "secret",
      "oauth/url": `${server.url}/token`,
    });

    assert.equal((await load(driver, at)).toString(), "x");
  });
});
