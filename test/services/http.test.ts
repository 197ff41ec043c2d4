import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Artifact, HttpLocation } from "../../src/template/index.ts";
import { encodedKey, webLimits } from "../drivers/http-suite.ts";
import { describeDriver, load } from "../drivers/suite.ts";
import { fileOf, noise, patience, surroundings } from "../drivers/surroundings.ts";
import { startTokenServer } from "../drivers/token-server.ts";
import { type Nginx, startNginx, withoutNginx } from "./nginx.ts";

const basicAuth = {
  usernameSecret: { name: "web", key: "user" },
  passwordSecret: { name: "web", key: "password" },
};
const secretsOf = ({ user }: Nginx, password = user.password) => ({
  "web/user": user.name,
  "web/password": password,
});

if (withoutNginx) describe("http on nginx", { skip: withoutNginx }, () => {});
else {
  describeDriver(
    "http on nginx",
    async (t) => {
      const nginx = await startNginx(t);
      const artifact = (key: string): Artifact => ({
        name: "artifact",
        http: { url: `${nginx.url}/basic/${encodedKey(key)}`, auth: { basicAuth } },
      });
      return { context: surroundings(secretsOf(nginx), { caPem: nginx.caPem }), artifact };
    },
    { ...webLimits, faults: "nginx speaks TLS, past what disturbs; tested on a web server of ours" },
  );
}

describe("http on nginx: who may read and write", { skip: withoutNginx }, () => {
  const roundTrip = async (artifact: Artifact, context: ReturnType<typeof surroundings>) => {
    await using driver = await openDriver(artifact, context);
    const content = noise(9 * 1024 * 1024 + 5);
    await driver.saveFile(artifact, fileOf("k", content), patience());
    assert.ok((await load(driver, artifact)).equals(content));
  };
  const isRefused = (code: "Unauthorized" | "Forbidden" | "BadRequest") => (error: Error) => {
    assert.doesNotMatch(error.message, /secret/);
    return isExecutorError(error, code);
  };

  it("whoever has the user's password", async (t) => {
    const nginx = await startNginx(t);
    const artifact = { name: "a", http: { url: `${nginx.url}/basic/k`, auth: { basicAuth } } };

    await roundTrip(artifact, surroundings(secretsOf(nginx), { caPem: nginx.caPem }));

    const wrong = surroundings(secretsOf(nginx, "wrong-secret"), { caPem: nginx.caPem });
    await assert.rejects(roundTrip(artifact, wrong), isRefused("Unauthorized"));
  });

  it("whoever has the client certificate", async (t) => {
    const nginx = await startNginx(t);
    const clientCert = {
      clientCertSecret: { name: "web", key: "crt" },
      clientKeySecret: { name: "web", key: "key" },
    };
    const artifact = { name: "a", http: { url: `${nginx.certificateUrl}/k`, auth: { clientCert } } };
    const secrets = { "web/crt": nginx.client.cert, "web/key": nginx.client.key };

    await roundTrip(artifact, surroundings(secrets, { caPem: nginx.caPem }));

    const without = { name: "a", http: { url: `${nginx.certificateUrl}/k` } };
    // nginx answers 400 to those who show none.
    await assert.rejects(
      roundTrip(without, surroundings({}, { caPem: nginx.caPem })),
      isRefused("BadRequest"),
    );
  });

  it("whoever gets a token for the client's secret, and a new one when the old is revoked", async (t) => {
    const { artifact, nginx, secrets, tokens } = await startOAuth2(t);
    const context = surroundings(secrets, { caPem: nginx.caPem });

    await roundTrip(artifact, context);
    await using driver = await openDriver(artifact, context);
    await driver.saveFile(artifact, fileOf("k", "1"), patience());
    tokens.clear();
    await driver.saveFile(artifact, fileOf("k", "2"), patience());

    assert.equal((await load(driver, artifact)).toString(), "2");
    const wrong = surroundings({ ...secrets, "oauth/secret": "wrong-secret" }, { caPem: nginx.caPem });
    await assert.rejects(roundTrip(artifact, wrong), isRefused("Unauthorized"));
  });
});

/** A token server that knows one client, and nginx that asks it about every token. */
async function startOAuth2(t: TestContext) {
  const tokens = new Set<string>();
  const issuer = await startTokenServer(t, ({ url, headers }, body) => {
    if (url === "/check") return tokens.has(String(headers.authorization)) ? {} : undefined;
    const basic = Buffer.from("client:client-secret").toString("base64");
    const isClient = headers.authorization === `Basic ${basic}`;
    if (!isClient || new URLSearchParams(body).get("scope") !== "files") return undefined;
    const token = `token-${tokens.size}-${Math.random()}`;
    tokens.add(`Bearer ${token}`);
    return { access_token: token, token_type: "Bearer", expires_in: 3600 };
  });
  const nginx = await startNginx(t, `http://${issuer.endpoint}/check`);
  const secrets = {
    "oauth/id": "client",
    "oauth/secret": "client-secret",
    "oauth/url": `http://${issuer.endpoint}/token`,
  };
  const oauth2: NonNullable<HttpLocation["auth"]>["oauth2"] = {
    clientIDSecret: { name: "oauth", key: "id" },
    clientSecretSecret: { name: "oauth", key: "secret" },
    tokenURLSecret: { name: "oauth", key: "url" },
    scopes: ["files"],
  };
  const artifact: Artifact = { name: "a", http: { url: `${nginx.url}/oauth2/k`, auth: { oauth2 } } };
  return { artifact, nginx, secrets, tokens };
}
