import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import { type Azurite, account, accountKey, startAzurite } from "../servers/azurite.ts";
import { startFront } from "../servers/front.ts";
import { startGcsServer } from "../servers/gcs-server.ts";
import { startGoogleIdentity } from "../servers/google-identity.ts";
import { authorizationOf, startAzure, startOss } from "./stores.ts";
import { load } from "./suite.ts";
import { fileOf, patience, surroundings, temporaryFolder } from "./surroundings.ts";
import { startTokenServer } from "./token-server.ts";

/** Google's storage behind a proxy, for without an emulator's variable the address is Google's own. */
async function startGoogle(t: TestContext) {
  const server = await startGcsServer();
  t.after(() => server[Symbol.asyncDispose]());
  server.createBucket("bucket");
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const identity = await startGoogleIdentity({ publicKey });
  t.after(() => identity[Symbol.asyncDispose]());
  const front = await startFront({
    target: server.endpoint,
    guard: ({ headers }) => (identity.accepts(headers.authorization) ? undefined : { status: 401, body: "" }),
  });
  t.after(() => front[Symbol.asyncDispose]());
  return { identity, front, artifact: { name: "a", gcs: { bucket: "bucket", key: "k" } } };
}

describe("GCS driver: identities without a key in the location", () => {
  for (const impersonates of [false, true]) {
    it(`exchanges the pod's token at the STS${impersonates ? ", and that for a service account's" : ""}`, async (t) => {
      const { identity } = await startGoogle(t);
      const folder = await temporaryFolder(t);
      await writeFile(join(folder, "token"), "pod-token\n");
      const file = join(folder, "federation.json");
      const config = {
        type: "external_account",
        audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        token_url: `${identity.url}/sts`,
        credential_source: { file: join(folder, "token") },
        ...(impersonates ? { service_account_impersonation_url: `${identity.url}/impersonate` } : {}),
      };
      await writeFile(file, JSON.stringify(config));
      const { federatedToken } = await import("../../src/artifacts/drivers/gcs/federation.ts");
      const { HttpClient } = await import("../../src/http/index.ts");
      using http = new HttpClient();

      const { token } = await federatedToken(config, http, patience());

      assert.ok(identity.accepts(`Bearer ${token}`));
      assert.deepEqual(identity.asked, impersonates ? ["/sts", "/impersonate"] : ["/sts"]);
    });
  }

  it("asks the metadata server once for many requests", async (t) => {
    const { identity } = await startGoogle(t);
    const { askMetadataServer } = await import("../../src/artifacts/drivers/gcs/identity.ts");
    const { TokenSource } = await import("../../src/http/index.ts");
    const { HttpClient } = await import("../../src/http/index.ts");
    using http = new HttpClient();
    const tokens = new TokenSource((signal) =>
      askMetadataServer({ GCE_METADATA_HOST: identity.endpoint }, http, signal),
    );

    const [first, second] = await Promise.all([tokens.current(patience()), tokens.current(patience())]);

    assert.equal(first, second);
    assert.equal(identity.asked.length, 1);
    assert.ok(identity.accepts(`Bearer ${first}`));
    identity.revokeAll();
    assert.equal(await tokens.renew(first, patience()), true);
  });

  it("refuses a key of another type in a secret, as the reference does", async () => {
    const context = surroundings({ "gcs/key": JSON.stringify({ type: "external_account" }) });
    const artifact = {
      name: "a",
      gcs: { bucket: "bucket", key: "k", serviceAccountKeySecret: { name: "gcs", key: "key" } },
    };
    await using driver = await openDriver(artifact, context);

    await assert.rejects(
      driver.open(artifact, patience()),
      /GCS client CredentialsFromJSONWithType: .*only service_account/,
    );
  });
});

describe("Azure driver: identities without an account key", () => {
  /** The front takes tokens and signs with the emulator's key. */
  const startWithTokens = async (t: TestContext) => {
    const azurite: Azurite = await startAzurite();
    t.after(() => azurite[Symbol.asyncDispose]());
    return await startAzure(t, azurite.endpoint, ({ method, url, headers: given }, headers) => {
      if (given.authorization !== "Bearer good-token")
        return { status: 401, body: "", headers: { "x-ms-error-code": "InvalidAuthenticationInfo" } };
      delete headers.authorization;
      headers.authorization = authorizationOf(method, url, headers as Record<string, string>, accountKey);
      return undefined;
    });
  };
  const answer = { access_token: "good-token", expires_in: "3599", token_type: "Bearer" };

  it("uses workload identity: the pod's token, exchanged at the authority", async (t) => {
    const azure = await startWithTokens(t);
    const authority = await startTokenServer(t, (_, body) =>
      new URLSearchParams(body).get("client_assertion") === "pod-token" ? answer : undefined,
    );
    const tokenFile = join(await temporaryFolder(t), "token");
    await writeFile(tokenFile, "pod-token");
    const identityVariables = {
      AZURE_TENANT_ID: "tenant",
      AZURE_CLIENT_ID: "client",
      AZURE_FEDERATED_TOKEN_FILE: tokenFile,
      AZURE_AUTHORITY_HOST: `http://${authority.endpoint}/`,
    };
    const artifact = azure.artifact("k", { useSDKCreds: true });
    await using driver = await openDriver(artifact, surroundings({}, { identityVariables }));

    await driver.saveFile(artifact, fileOf("k", "content"), patience());

    assert.equal((await load(driver, artifact)).toString(), "content");
    assert.deepEqual(authority.asked, ["/tenant/oauth2/v2.0/token"]);
  });

  it("uses the node's managed identity", async (t) => {
    const azure = await startWithTokens(t);
    const metadata = await startTokenServer(t, ({ headers }) =>
      headers.metadata === "true" ? answer : undefined,
    );
    const identityVariables = { AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://${metadata.endpoint}` };
    const artifact = azure.artifact("k", { useSDKCreds: true });
    await using driver = await openDriver(artifact, surroundings({}, { identityVariables }));

    await driver.saveFile(artifact, fileOf("k", "content"), patience());

    assert.equal((await load(driver, artifact)).toString(), "content");
  });

  it("says what is wrong with an account that it cannot name, and asks for the secret that is missing", async () => {
    const location = { endpoint: "http://127.0.0.1:10000", container: "c00", blob: "b" };
    await assert.rejects(
      openDriver({ azure: location }, surroundings()),
      /unable to determine storage account name from URL/,
    );
    await assert.rejects(
      openDriver({ azure: { ...location, endpoint: `http://127.0.0.1:10000/${account}` } }, surroundings()),
      /accountKey secret is required for Azure Blob Storage if useSDKCreds is false/,
    );
  });
});

describe("OSS driver: identities, signatures and buckets", () => {
  it("uses RRSA: the pod's token, exchanged at the STS, and its security token", async (t) => {
    const oss = await startOss(t);
    oss.server.keys.set("STS.id", { secret: "sts-secret", token: "sts-token" });
    const sts = await startTokenServer(t, (_, body) => {
      const form = new URLSearchParams(body);
      if (form.get("OIDCToken") !== "pod-token" || form.get("Action") !== "AssumeRoleWithOIDC")
        return undefined;
      const Expiration = new Date(Date.now() + 3_600_000).toISOString();
      return {
        Credentials: {
          AccessKeyId: "STS.id",
          AccessKeySecret: "sts-secret",
          SecurityToken: "sts-token",
          Expiration,
        },
      };
    });
    const tokenFile = join(await temporaryFolder(t), "token");
    await writeFile(tokenFile, "pod-token");
    const identityVariables = {
      ALIBABA_CLOUD_ROLE_ARN: "acs:ram::1:role/r",
      ALIBABA_CLOUD_OIDC_PROVIDER_ARN: "acs:ram::1:oidc-provider/p",
      ALIBABA_CLOUD_OIDC_TOKEN_FILE: tokenFile,
      ALIBABA_CLOUD_STS_ENDPOINT: `http://${sts.endpoint}`,
    };
    const artifact = oss.artifact("k", { useSDKCreds: true });
    await using driver = await openDriver(artifact, surroundings({}, { identityVariables }));

    await driver.saveFile(artifact, fileOf("k", "content"), patience());

    assert.equal((await load(driver, artifact)).toString(), "content");
  });

  it("signs with version 4 where the endpoint names a region, through a proxy", async (t) => {
    const oss = await startOss(t);
    const proxy = { httpProxy: `http://${oss.front.endpoint}`, httpsProxy: undefined, noProxy: undefined };
    const context = surroundings(Object.fromEntries(oss.context.secrets), { proxy });
    const artifact = oss.artifact("a key+/with ?*", { endpoint: "http://oss-cn-hangzhou.aliyuncs.com" });
    await using driver = await openDriver(artifact, context);

    await driver.saveFile(artifact, fileOf("k", "content"), patience());

    assert.equal((await load(driver, artifact)).toString(), "content");
    assert.deepEqual([...oss.server.signatures], ["V4"]);
  });

  it("makes the bucket where it is not there, once", async (t) => {
    const oss = await startOss(t);
    const artifact = oss.artifact("k", { bucket: "new-bucket", createBucketIfNotPresent: true });
    await using driver = await openDriver(artifact, oss.context);

    await driver.saveFile(artifact, fileOf("k", "1"), patience());
    await driver.saveFile(artifact, fileOf("k", "2"), patience());

    assert.equal((await load(driver, artifact)).toString(), "2");
    assert.equal(
      oss.front.requests.filter(({ method, url }) => method === "PUT" && url === "/new-bucket/").length,
      1,
    );
  });

  it("sets the rule of its key and leaves the bucket's other rules alone (docs/contract/artifacts.md#D-12)", async (t) => {
    const oss = await startOss(t);
    const foreign = "<Rule><ID>theirs</ID><Prefix>logs/</Prefix><Status>Enabled</Status></Rule>";
    oss.server.lifecycles.set("bucket", `<LifecycleConfiguration>${foreign}</LifecycleConfiguration>`);
    const rule = { markInfrequentAccessAfterDays: 30, markDeletionAfterDays: 90 };
    const artifact = oss.artifact("k", { lifecycleRule: rule });
    await using driver = await openDriver(artifact, oss.context);

    await driver.saveFile(artifact, fileOf("k", "1"), patience());
    await driver.saveFile(artifact, fileOf("k", "2"), patience());

    const rules = oss.server.lifecycles.get("bucket") ?? "";
    assert.ok(rules.includes(foreign));
    assert.equal(rules.match(/<Rule>/g)?.length, 2);
    assert.match(rules, /<Prefix>k<\/Prefix>.*<Days>90<\/Days>.*<Days>30<\/Days><StorageClass>IA/);
  });
});
