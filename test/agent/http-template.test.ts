import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { httpTask, namespace, openDesk, startWeb, workflowUid } from "./desk.ts";

function closeSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  return controller.signal;
}

describe("HTTP templates", { concurrency: 4 }, () => {
  it("R26: show the result as soon as the response is there", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (_, response) => response.end("hello"));
    desk.createTaskSet({});
    const agent = desk.startAgent();
    await desk.api.waitForRequest(({ query }) => query.watch === "true", AbortSignal.timeout(20_000));

    const start = performance.now();
    await desk.addTasks({ "wf-1": httpTask({ url }) });
    const node = await desk.nodeState("wf-1");

    assert.deepEqual(node, { phase: "Succeeded", outputs: { result: "hello" } });
    assert.ok(performance.now() - start < 5_000);
    await desk.complete();
    assert.equal(await agent.ended(), 0);
  });

  it("send what the template says, byte for byte", async (t) => {
    const desk = await openDesk(t);
    const seen: { request: IncomingMessage; body: Buffer }[] = [];
    const { url } = await startWeb(t, async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      seen.push({ request, body: Buffer.concat(chunks) });
      response.end();
    });
    const data = { header: Buffer.from("Bearer s3cret").toString("base64") };
    desk.api.create(
      { group: "", version: "v1", resource: "secrets", namespace },
      { metadata: { name: "cred" }, data },
    );
    const headers = [
      { name: "x-repeated", value: "one" },
      { name: "X-Repeated", value: "zwölf" },
      {
        name: "authorization",
        valueFrom: { secretKeyRef: { name: "cred", key: "header" } },
        value: "not this",
      },
      { name: "host", value: "shop.example.test" },
      { name: "content-length", value: "1" },
    ];

    desk.createTaskSet({
      "wf-post": httpTask({
        url: `${url}/a?b=c%20d`,
        method: "POST",
        headers,
        body: "ignored",
        bodyFrom: { bytes: "AAEC/w==" },
      }),
      "wf-get": httpTask({ url: `${url.replace("//", "//user:pa%40ss@")}/`, bodyFrom: {} }),
      "wf-key": httpTask({
        url,
        method: "PATCH",
        headers: [{ name: "idempotency-key", value: "mine" }],
        body: "x",
      }),
    });
    desk.startAgent();
    for (const id of ["wf-post", "wf-get", "wf-key"]) {
      const { phase, message } = await desk.nodeState(id);
      assert.deepEqual([phase, message], ["Succeeded", undefined], id);
    }

    const by = (method: string) => seen.find(({ request }) => request.method === method);
    const post = by("POST");
    assert.equal(post?.request.url, "/a?b=c%20d");
    assert.deepEqual([...(post?.body ?? [])], [0, 1, 2, 255]);
    assert.equal(post?.request.headers["content-length"], "4");
    assert.equal(post?.request.headers.authorization, "Bearer s3cret");
    assert.equal(post?.request.headers.host, "shop.example.test");
    const repeated = post?.request.headersDistinct["x-repeated"]?.map((text) =>
      Buffer.from(text, "latin1").toString(),
    );
    assert.deepEqual(repeated, ["one", "zwölf"]);
    assert.ok(post?.request.rawHeaders.includes("X-Repeated"));
    assert.equal(post?.request.headers["idempotency-key"], `${workflowUid}-wf-post`);
    assert.equal(post?.request.headers["content-type"], undefined);
    const get = by("GET");
    assert.equal(get?.request.headers.authorization, `Basic ${Buffer.from("user:pa@ss").toString("base64")}`);
    assert.equal(get?.request.headers["idempotency-key"], undefined);
    assert.equal(get?.request.headers["accept-encoding"], "gzip");
    assert.equal(by("PATCH")?.request.headers["idempotency-key"], "mine");
  });

  it("end as the status, the condition and the connection say", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, (request, response) => {
      const status = Number(/\/status\/(\d+)/.exec(request.url ?? "")?.[1] ?? 200);
      const cut = request.url === "/cut" && { "content-length": "100" };
      if (request.method === "HEAD")
        return void response.writeHead(200, { "content-length": "5000000000" }).end();
      response.writeHead(status, { "x-multi": ["a", "b"], ...cut });
      if (cut) response.write("only this", () => response.destroy());
      else response.end(status === 204 ? undefined : `status ${status}`);
    });
    const condition = (successCondition: string, path = "/") =>
      httpTask({ url: url + path, successCondition });
    const free = await startWeb(t, () => undefined);
    free.server.close();
    await once(free.server, "close");

    desk.createTaskSet({
      ok: httpTask({ url: `${url}/status/204` }),
      missing: httpTask({ url: `${url}/status/404` }),
      true: condition('response.statusCode == 418 && response.body == "status 418"', "/status/418"),
      headers: condition(
        'response.headers["X-Multi"] == ["a", "b"] && response.headers.Get("x-multi") == "a"',
      ),
      request: condition(`request.url == "${url}/" && request.method == "" && request.bodyBytes == nil`),
      false: condition("response.statusCode == 201"),
      compile: condition("nope == 1"),
      run: condition("response.nope.nope.nope == 1"),
      int: condition("response.statusCode"),
      text: condition("response.body"),
      refused: httpTask({ url: free.url }),
      head: httpTask({ url: `${url}/announced`, method: "HEAD" }),
      scheme: httpTask({ url: "ftp://x/" }),
      method: httpTask({ url, method: "GE T" }),
      "secret-missing": httpTask({
        url,
        headers: [{ name: "A", valueFrom: { secretKeyRef: { name: "no", key: "k" } } }],
      }),
      cut: httpTask({ url: `${url}/cut` }),
      wrong: { name: "t", http: "not an object" },
      none: "not an object",
      other: { name: "t", container: { image: "x" } },
    });
    desk.startAgent();
    const ended = async (id: string) => {
      const { phase, message, outputs } = await desk.nodeState(id);
      return [phase, message, outputs?.result];
    };

    assert.deepEqual(await ended("ok"), ["Succeeded", undefined, ""]);
    assert.deepEqual(await ended("missing"), ["Failed", "received non-2xx response code: 404", "status 404"]);
    for (const id of ["true", "headers", "request", "head"])
      assert.equal((await ended(id))[0], "Succeeded", id);
    assert.deepEqual(await ended("false"), [
      "Failed",
      "successCondition 'response.statusCode == 201' evaluated false",
      "status 200",
    ]);
    const [phase, message, result] = await ended("compile");
    assert.deepEqual([phase, result], ["Failed", undefined]);
    assert.match(message ?? "", /unknown name nope/);
    assert.match(
      (await ended("run"))[1] ?? "",
      /^unable to evaluate expression 'response.nope.nope.nope == 1': /,
    );
    assert.equal((await ended("int"))[1], "unable to cast expression result '%!s(int=200)' to bool");
    assert.equal((await ended("text"))[1], "unable to cast expression result 'status 200' to bool");
    const address = free.url.replace("http://", "");
    assert.deepEqual(await ended("refused"), [
      "Failed",
      `Get "${free.url}": dial tcp ${address}: connect: connection refused`,
      undefined,
    ]);
    assert.equal((await ended("scheme"))[1], 'Get "ftp://x/": unsupported protocol scheme "ftp"');
    assert.match((await ended("method"))[1] ?? "", /net\/http: invalid method "GE T"/);
    assert.match((await ended("secret-missing"))[1] ?? "", /secrets "no" not found/);
    assert.equal((await ended("cut"))[1], "unexpected EOF");
    assert.equal((await ended("wrong"))[0], "Failed");
    assert.equal((await ended("none"))[0], "Error");
    assert.deepEqual(await ended("other"), [
      "Error",
      "error processing task: agent cannot execute: unknown task type: Container",
      undefined,
    ]);
  });

  it("keep bodies as text: unpacked, byte-order mark kept, foreign bytes replaced one by one", async (t) => {
    const desk = await openDesk(t);
    const bodies: Record<string, Buffer> = {
      "/gzip": gzipSync("packed"),
      "/bom": Buffer.from("\ufeffbom"),
      "/bytes": Buffer.from([0x61, 0xe2, 0x82, 0x62, 0xff]),
      "/bomb": gzipSync(Buffer.alloc(50_000_000)),
      "/broken": gzipSync("packed").subarray(0, 15),
    };
    const { url } = await startWeb(t, (request, response) => {
      const path = request.url ?? "";
      if (path !== "/bom" && path !== "/bytes") response.setHeader("content-encoding", "gzip");
      response.end(bodies[path]);
    });
    const paths = Object.keys(bodies);

    desk.createTaskSet({
      ...Object.fromEntries(paths.map((path) => [path.slice(1), httpTask({ url: url + path })])),
      asked: httpTask({ url: `${url}/gzip`, headers: [{ name: "Accept-Encoding", value: "gzip" }] }),
    });
    desk.startAgent();

    assert.equal((await desk.nodeState("gzip")).outputs?.result, "packed");
    assert.equal((await desk.nodeState("bom")).outputs?.result, "\ufeffbom");
    assert.equal((await desk.nodeState("bytes")).outputs?.result, "a\ufffd\ufffdb\ufffd");
    assert.match((await desk.nodeState("bomb")).message ?? "", /larger than 1000000 bytes/);
    assert.equal((await desk.nodeState("broken")).message, "unexpected EOF");
    assert.ok((await desk.nodeState("asked")).outputs?.result?.includes("\ufffd"));
  });

  it("S8, R29: endless, slow and huge responses fail their own node, with the limit named; others are not late", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, async (request, response) => {
      if (request.url === "/quick") return void response.end("quick");
      if (request.url === "/quotes") return void response.end('"'.repeat(900_000));
      response.writeHead(200, request.url === "/announced" ? { "content-length": String(5 * 2 ** 30) } : {});
      const closed = closeSignal(response);
      const piece = Buffer.alloc(request.url === "/drip" ? 1 : 64 * 1024, "x");
      while (!response.destroyed && response.write(piece) !== undefined) {
        if (request.url === "/drip") await sleep(100);
        else if (response.writableNeedDrain)
          await once(response, "drain", { signal: closed }).catch(() => undefined);
      }
    });
    const slow = Array.from({ length: 10 }, (_, i) => [
      `drip-${i}`,
      httpTask({ url: `${url}/drip`, timeoutSeconds: 2 }),
    ]);

    desk.createTaskSet({
      ...Object.fromEntries(slow),
      endless: httpTask({ url: `${url}/endless` }),
      announced: httpTask({ url: `${url}/announced` }),
      quotes: httpTask({ url: `${url}/quotes` }),
      quick: httpTask({ url: `${url}/quick` }),
    });
    desk.startAgent();

    assert.equal((await desk.nodeState("quick")).outputs?.result, "quick");
    assert.equal(desk.nodes["drip-0"], undefined, "the slow ones are still running");
    for (const id of ["endless", "announced"]) {
      const { phase, message } = await desk.nodeState(id);
      assert.equal(phase, "Failed");
      assert.match(message ?? "", /^Get ".*": the response is larger than 1000000 bytes/);
    }
    const quotes = await desk.nodeState("quotes");
    assert.match(
      quotes.message ?? "",
      /^the result is 18\d+ bytes as JSON, and a task set can hold 1500000$/,
    );
    assert.equal((await desk.nodeState("drip-9")).message, "context deadline exceeded");
  });

  it("send nothing but what was written, and say which field is wrong", async (t) => {
    const desk = await openDesk(t);
    const seen: (string | undefined)[] = [];
    const { url } = await startWeb(t, (request, response) => {
      seen.push(request.url);
      if (request.url === "/empty")
        response.writeHead(200, { "content-encoding": "gzip", "content-length": 0 });
      if (request.url === "/away") response.writeHead(302, { location: "http://[bad" });
      response.end();
    });
    const cases: Readonly<Record<string, readonly [object, RegExp]>> = {
      lines: [{ url: `${url}/a\r\nb` }, /invalid control character in URL$/],
      port: [{ url: "http://127.0.0.1:0/" }, /the URL cannot be parsed$/],
      bytes: [
        { url, method: "POST", bodyFrom: { bytes: "AAEC/w" } },
        /^the template: http\.bodyFrom\.bytes must be base64 with padding$/,
      ],
      header: [
        {
          url,
          headers: [
            { name: "a", value: "b" },
            { name: "x", value: 5 },
          ],
        },
        /^the template: http\.headers\[1\]\.value must be text/,
      ],
      away: [{ url: `${url}/away` }, /failed to parse Location header of the redirect$/],
    };

    desk.createTaskSet({
      ...Object.fromEntries(Object.entries(cases).map(([id, [http]]) => [id, httpTask(http)])),
      empty: httpTask({ url: `${url}/empty` }),
    });
    desk.startAgent();

    assert.deepEqual(await desk.nodeState("empty"), { phase: "Succeeded", outputs: { result: "" } });
    for (const [id, [, message]] of Object.entries(cases)) {
      const node = await desk.nodeState(id);
      assert.equal(node.phase, "Failed", id);
      assert.match(node.message ?? "", message);
    }
    assert.deepEqual(seen.sort(), ["/away", "/empty"]);
  });

  it("time out after timeoutSeconds, else when nothing came for as long as the default, which the message names", async (t) => {
    const desk = await openDesk(t);
    const { url } = await startWeb(t, async (request, response) => {
      if (request.url === "/slow") {
        for (const part of ["s", "l", "o", "w", "l", "y"]) {
          response.write(part);
          await sleep(700, undefined, { ref: false });
        }
        response.end();
        return;
      }
      await sleep(request.url === "/5" ? 4_600 : 30_000, undefined, { ref: false });
      response.end("late");
    });

    desk.createTaskSet({
      set: httpTask({ url: `${url}/30`, timeoutSeconds: 1 }),
      unset: httpTask({ url: `${url}/30` }),
      long: httpTask({ url: `${url}/5`, timeoutSeconds: 20 }),
      slow: httpTask({ url: `${url}/slow` }),
    });
    desk.startAgent({ env: { ARGO_AGENT_HTTP_TIMEOUT: "2s" } });

    assert.equal((await desk.nodeState("set")).message, `Get "${url}/30": context deadline exceeded`);
    assert.match(
      (await desk.nodeState("unset")).message ?? "",
      /context deadline exceeded: nothing came for 2 s, the default where no timeoutSeconds is set$/,
    );
    assert.equal((await desk.nodeState("long")).outputs?.result, "late");
    assert.equal((await desk.nodeState("slow")).outputs?.result, "slowly");
  });

  it("S9: follow redirects without carrying credentials to another server", async (t) => {
    const desk = await openDesk(t);
    const arrived: IncomingMessage[] = [];
    const other = await startWeb(t, (request, response) => {
      arrived.push(request);
      response.end("other");
    });
    const { url } = await startWeb(t, (request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://x");
      const [, kind, status] = pathname.split("/");
      if (kind === "other") response.writeHead(Number(status), { location: `${other.url}/landed` }).end();
      else if (kind === "same") response.writeHead(Number(status), { location: "/here" }).end();
      else if (kind === "loop") response.writeHead(302, { location: pathname }).end();
      else response.end(`${request.method} ${request.headers.authorization ?? "nobody"}`);
    });
    const data = { key: Buffer.from("s3cret").toString("base64") };
    desk.api.create(
      { group: "", version: "v1", resource: "secrets", namespace },
      { metadata: { name: "cred" }, data },
    );
    const headers = [
      { name: "Authorization", value: "Bearer t" },
      { name: "Cookie", value: "c=1" },
      { name: "X-Api-Key", value: "k" },
      { name: "X-Anything", valueFrom: { secretKeyRef: { name: "cred", key: "key" } } },
      { name: "X-Plain", value: "p" },
      { name: "Content-Type", value: "text/plain" },
    ];

    desk.createTaskSet({
      moved: httpTask({ url: `${url}/other/302`, method: "POST", body: "b", headers }),
      kept: httpTask({ url: `${url}/other/307`, method: "POST", body: "b", headers }),
      home: httpTask({ url: `${url}/same/303`, method: "POST", body: "b", headers }),
      loop: httpTask({ url: `${url}/loop` }),
    });
    desk.startAgent();

    assert.equal((await desk.nodeState("home")).outputs?.result, "GET Bearer t");
    assert.equal((await desk.nodeState("loop")).message, `Get "${url}/loop": stopped after 10 redirects`);
    await Promise.all([desk.nodeState("moved"), desk.nodeState("kept")]);
    assert.deepEqual(arrived.map(({ method }) => method).sort(), ["GET", "POST"]);
    for (const { method, headers: got } of arrived) {
      const names = ["authorization", "cookie", "x-api-key", "x-anything"].filter((name) => name in got);
      assert.deepEqual(names, []);
      assert.equal(got["x-plain"], "p");
      assert.equal(got["content-type"], method === "POST" ? "text/plain" : undefined);
      assert.equal(got["content-length"], method === "POST" ? "1" : undefined);
    }
  });
});
