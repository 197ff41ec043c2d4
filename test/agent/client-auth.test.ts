import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import { selfSignedCertificate } from "../servers/api-server/index.ts";
import { type AgentDesk, httpTask, namespace, openDesk, startWeb } from "./desk.ts";

function createSecret(desk: AgentDesk, name: string, values: Readonly<Record<string, string>>): void {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
  );
  desk.api.create({ group: "", version: "v1", resource: "secrets", namespace }, { metadata: { name }, data });
}

const annotated = (http: object, annotations: Readonly<Record<string, string>>) =>
  httpTask(http, { metadata: { annotations } });

describe("HTTP templates with annotations", { concurrency: 4 }, () => {
  it("present a client certificate to the template's own server", async (t) => {
    const desk = await openDesk(t);
    const own = selfSignedCertificate();
    const client = selfSignedCertificate();
    const server = createServer(
      { ...own, ca: client.cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        response.end(String((request.socket as TLSSocket).getPeerCertificate().fingerprint256 !== undefined));
      },
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    createSecret(desk, "client", { "tls.crt": client.cert, "tls.key": client.key });
    const roots = join(desk.root, "etc/ssl/certs/ca-certificates");
    mkdirSync(roots, { recursive: true });
    writeFileSync(join(roots, "ca.crt"), own.cert);
    const both = {
      "outrider.io/http-client-cert": "client/tls.crt",
      "outrider.io/http-client-key": "client/tls.key",
    };

    desk.createTaskSet({
      with: annotated({ url }, both),
      without: httpTask({ url }),
      half: annotated({ url }, { "outrider.io/http-client-cert": "client/tls.crt" }),
    });
    desk.startAgent();

    assert.equal((await desk.nodeState("with")).outputs?.result, "true");
    assert.equal((await desk.nodeState("without")).outputs?.result, "false");
    assert.match((await desk.nodeState("half")).message ?? "", /http-client-key is missing/);
  });

  it("get a token by OAuth2 client credentials, once for all tasks, and only where the template has no own header", async (t) => {
    const desk = await openDesk(t);
    let tokens = 0;
    const issuer = await startWeb(t, async (request, response) => {
      const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
      const isRight =
        request.headers.authorization === `Basic ${Buffer.from("id:s%26cret").toString("base64")}` &&
        form.get("grant_type") === "client_credentials" &&
        form.get("scope") === "a b";
      tokens += 1;
      if (!isRight) return void response.writeHead(401).end();
      response.end(JSON.stringify({ access_token: "tok", token_type: "bearer", expires_in: 3600 }));
    });
    const { url } = await startWeb(t, (request, response) => response.end(request.headers.authorization));
    createSecret(desk, "oauth", { id: "id", secret: "s&cret\n", wrong: "no" });
    const grant = {
      "outrider.io/http-oauth2-token-url": `${issuer.url}/token`,
      "outrider.io/http-oauth2-client-id": "oauth/id",
      "outrider.io/http-oauth2-client-secret": "oauth/secret",
      "outrider.io/http-oauth2-scopes": "a b",
    };

    desk.createTaskSet({ first: annotated({ url }, grant) });
    desk.startAgent();
    assert.equal((await desk.nodeState("first")).outputs?.result, "Bearer tok");
    await desk.addTasks({
      second: annotated({ url }, grant),
      own: annotated({ url, headers: [{ name: "authorization", value: "mine" }] }, grant),
      refused: annotated({ url }, { ...grant, "outrider.io/http-oauth2-client-secret": "oauth/wrong" }),
    });

    assert.equal((await desk.nodeState("second")).outputs?.result, "Bearer tok");
    assert.equal((await desk.nodeState("own")).outputs?.result, "mine");
    assert.match(
      (await desk.nodeState("refused")).message ?? "",
      /^oauth2: cannot fetch token from .*\/token: 401/,
    );
    // What was refused is tried a second time, with the credentials in the body.
    assert.equal(tokens, 3);
  });

  it("show nothing of a token that came in a form they cannot read", async (t) => {
    const desk = await openDesk(t);
    const issuer = await startWeb(t, (_, response) => response.end("access_token=s3cret"));
    createSecret(desk, "oauth", { id: "id", secret: "pass" });
    const grant = {
      "outrider.io/http-oauth2-token-url": issuer.url,
      "outrider.io/http-oauth2-client-id": "oauth/id",
      "outrider.io/http-oauth2-client-secret": "oauth/secret",
    };

    desk.createTaskSet({ task: annotated({ url: issuer.url }, grant) });
    const agent = desk.startAgent();

    const { phase, message } = await desk.nodeState("task");
    assert.equal(phase, "Failed");
    assert.match(message ?? "", /the answer is not JSON/);
    assert.doesNotMatch(`${message} ${agent.log}`, /s3cret/);
  });
});
