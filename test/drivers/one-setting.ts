import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import type { Artifact } from "../../src/template/index.ts";
import { issuedCertificate, selfSignedCertificate } from "../servers/api-server/index.ts";
import { type Azurite, account, accountKey, startAzurite } from "../servers/azurite.ts";
import { startFront } from "../servers/front.ts";
import { startGcsServer } from "../servers/gcs-server.ts";
import { makeRepository, startGitServer } from "../servers/git-server.ts";
import { startGoogleIdentity } from "../servers/google-identity.ts";
import { startWebHdfs } from "../servers/web-hdfs-server.ts";
import { startFileServer } from "./file-server.ts";
import { loadGit } from "./git-load.ts";
import { s3Artifact, startS3 } from "./s3-location.ts";
import { authorizationOf, createContainer, startOss } from "./stores.ts";
import { load } from "./suite.ts";
import { fileOf, patience, surroundings, type TestSurroundings, temporaryFolder } from "./surroundings.ts";
import { startTokenServer } from "./token-server.ts";

/** Names that no resolver of ours knows, but the proxy: whatever reaches them has passed it. */
const names = {
  s3: "s3.outrider.test",
  sts: "sts.outrider.test",
  oss: "bucket.oss.outrider.test",
  gcs: "gcs.outrider.test",
  identity: "identity.outrider.test",
  azure: `${account}.blob.outrider.test`,
  web: "web.outrider.test",
  hdfs: "hdfs.outrider.test",
  git: "git.outrider.test",
} as const;

export interface ProxyUnderTest {
  /** With the credentials that it asks for. */
  readonly url: string;
  /** Throws unless these, and no others, were asked for and passed: `host:port` each. The connections are closed. */
  expectPassed(places: readonly string[]): Promise<void>;
}

export type StartProxy = (t: TestContext, hosts: ReadonlyMap<string, string>) => Promise<ProxyUnderTest>;

interface Place {
  readonly artifact: Artifact;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly identityVariables?: Readonly<Record<string, string>>;
  /** `name:port` of everything that had to be asked. */
  readonly hosts: readonly string[];
}

/** One setting of roots and one of the proxy, for every store and every identity that a store may need. */
export function describeOneSetting(
  title: string,
  startProxy: StartProxy,
  skip: string | false = false,
): void {
  const authority = selfSignedCertificate();
  const tls = issuedCertificate(authority, Object.values(names));
  /** The server of `target` (`host:port`), with TLS and under a name; resolves to `name:port`. */
  const under = async (t: TestContext, name: string, target: string, guard?: Guard): Promise<string> => {
    const front = await startFront({ target, tls, ...(guard && { guard }) });
    t.after(() => front[Symbol.asyncDispose]());
    return named(name, front.endpoint);
  };
  const settingsOf = (proxy: ProxyUnderTest) => ({
    caPem: authority.cert,
    // Both spellings of a proxy's address that the environment may have.
    proxy: { httpProxy: proxy.url.replace("http://", ""), httpsProxy: proxy.url, noProxy: "other.test" },
  });
  const open = async (t: TestContext) =>
    await startProxy(t, new Map(Object.values(names).map((name) => [name, "127.0.0.1"])));

  const goesThrough = (store: string, start: (t: TestContext) => Promise<Place>) => {
    it(`R30: ${store} goes through the proxy to a server with a certificate of a private CA`, async (t) => {
      const proxy = await open(t);
      const { artifact, secrets, identityVariables = {}, hosts } = await start(t);
      const context = surroundings(secrets, { ...settingsOf(proxy), identityVariables });

      await expectRoundTrip(artifact, context);

      await proxy.expectPassed(hosts);
      await refusesUnknownCa(artifact, surroundings(secrets, { ...context.settings, caPem: undefined }));
    });
  };

  describe(title, { skip }, () => {
    let azurite: Azurite;
    before(async () => {
      azurite = await startAzurite();
      await createContainer(azurite.endpoint, "container");
    });
    after(() => azurite[Symbol.asyncDispose]());

    goesThrough("s3", async (t) => {
      const { server } = await startS3(t);
      const host = await under(t, names.s3, server.endpoint);
      const artifact = s3Artifact(host, "k", { insecure: false });
      return { artifact, secrets: { "keys/access": "access", "keys/secret": "secret" }, hosts: [host] };
    });

    goesThrough("gcs, and the token server of its key,", async (t) => {
      const server = await startGcsServer();
      t.after(() => server[Symbol.asyncDispose]());
      server.createBucket("bucket");
      const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const identity = await startGoogleIdentity({ publicKey });
      t.after(() => identity[Symbol.asyncDispose]());
      const host = await under(t, names.gcs, server.endpoint, ({ headers }) =>
        identity.accepts(headers.authorization) ? undefined : { status: 401, body: "" },
      );
      const tokens = await under(t, names.identity, identity.endpoint);
      const key = JSON.stringify({
        type: "service_account",
        client_email: identity.account,
        private_key_id: "k1",
        private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
        token_uri: `https://${tokens}/token`,
      });
      const gcs = { bucket: "bucket", key: "k", serviceAccountKeySecret: { name: "gcs", key: "key" } };
      return {
        artifact: { name: "a", gcs },
        secrets: { "gcs/key": key },
        identityVariables: { STORAGE_EMULATOR_HOST: `https://${host}` },
        hosts: [host, tokens],
      };
    });

    goesThrough("azure", async (t) => {
      const host = await under(t, names.azure, azurite.endpoint);
      const accountKeySecret = { name: "azure", key: "key" };
      const azure = { endpoint: `https://${host}`, container: "container", blob: "k", accountKeySecret };
      return { artifact: { name: "a", azure }, secrets: { "azure/key": accountKey }, hosts: [host] };
    });

    goesThrough("azure's workload identity, and the authority that it asks,", async (t) => {
      const tokenServer = await startTokenServer(t, () => ({ access_token: "good", expires_in: "3599" }));
      const tokens = await under(t, names.identity, tokenServer.endpoint);
      const host = await under(t, names.azure, azurite.endpoint, ({ method, url, headers }, passed) => {
        if (headers.authorization !== "Bearer good") return { status: 401, body: "" };
        delete passed.authorization;
        const signed = passed as Record<string, string>;
        signed.authorization = authorizationOf(method, url, signed, accountKey);
        return undefined;
      });
      const tokenFile = join(await temporaryFolder(t), "token");
      await writeFile(tokenFile, "pod-token");
      const azure = { endpoint: `https://${host}`, container: "container", blob: "k", useSDKCreds: true };
      const identityVariables = {
        AZURE_TENANT_ID: "tenant",
        AZURE_CLIENT_ID: "client",
        AZURE_FEDERATED_TOKEN_FILE: tokenFile,
        AZURE_AUTHORITY_HOST: `https://${tokens}/`,
      };
      return { artifact: { name: "a", azure }, identityVariables, hosts: [host, tokens] };
    });

    goesThrough("oss, and the STS of RRSA,", async (t) => {
      const { server, artifact } = await startOss(t);
      const host = await under(t, names.oss, server.endpoint);
      server.keys.set("STS.id", { secret: "sts-secret", token: "sts-token" });
      const sts = await startTokenServer(t, () => ({
        Credentials: {
          AccessKeyId: "STS.id",
          AccessKeySecret: "sts-secret",
          SecurityToken: "sts-token",
          Expiration: new Date(Date.now() + 3_600_000).toISOString(),
        },
      }));
      const tokens = await under(t, names.sts, sts.endpoint);
      const tokenFile = join(await temporaryFolder(t), "token");
      await writeFile(tokenFile, "pod-token");
      const identityVariables = {
        ALIBABA_CLOUD_ROLE_ARN: "acs:ram::1:role/r",
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN: "acs:ram::1:oidc-provider/p",
        ALIBABA_CLOUD_OIDC_TOKEN_FILE: tokenFile,
        ALIBABA_CLOUD_STS_ENDPOINT: `https://${tokens}`,
      };
      const endpoint = `https://${host.replace(/^bucket\./, "")}`;
      return {
        artifact: artifact("k", { endpoint, useSDKCreds: true }),
        identityVariables,
        hosts: [host, tokens],
      };
    });

    for (const type of ["http", "artifactory"] as const) {
      goesThrough(type, async (t) => {
        const host = await under(t, names.web, hostOf((await startFileServer(t)).url));
        return { artifact: { name: "a", [type]: { url: `https://${host}/k` } }, hosts: [host] };
      });
    }

    goesThrough("http with OAuth2, and its token server,", async (t) => {
      const files = await startFileServer(t);
      const tokenServer = await startTokenServer(t, () => ({ access_token: "good", token_type: "bearer" }));
      const tokens = await under(t, names.identity, tokenServer.endpoint);
      const host = await under(t, names.web, hostOf(files.url), ({ headers }) =>
        headers.authorization === "Bearer good" ? undefined : { status: 401, body: "" },
      );
      const oauth2 = {
        clientIDSecret: { name: "o", key: "id" },
        clientSecretSecret: { name: "o", key: "secret" },
        tokenURLSecret: { name: "o", key: "url" },
      };
      const secrets = { "o/id": "id", "o/secret": "secret", "o/url": `https://${tokens}/token` };
      const http = { url: `https://${host}/k`, auth: { oauth2 } };
      return { artifact: { name: "a", http }, secrets, hosts: [host, tokens] };
    });

    goesThrough("hdfs, and its data nodes,", async (t) => {
      const { url } = await startWebHdfs(t, tls);
      const host = named(names.hdfs, hostOf(url));
      const hdfs = { addresses: [`https://${host}`], path: "/k", hdfsUser: "root", force: true };
      return { artifact: { name: "a", hdfs }, hosts: [host] };
    });

    it("R30: http without TLS goes through the proxy, too", async (t) => {
      const proxy = await open(t);
      const files = await startFileServer(t);
      const host = named(names.web, hostOf(files.url));
      const artifact = { name: "a", http: { url: `http://${host}/k` } };

      await expectRoundTrip(artifact, surroundings({}, settingsOf(proxy)));

      await proxy.expectPassed([host]);
    });

    it("R30: git goes through the proxy to a server with a certificate of a private CA", async (t) => {
      const proxy = await open(t);
      const server = await startGitServer(t, { tls });
      makeRepository(server.root, "project", [{ file: "content" }]);
      const host = named(names.git, hostOf(server.url));
      const repo = `https://${host}/project.git`;
      const context = surroundings({}, settingsOf(proxy));

      const folder = await loadGit(t, { repo }, context);

      assert.equal(readFileSync(join(folder, "file"), "utf8"), "content");
      await proxy.expectPassed([host]);
      const unknowing = surroundings({}, { ...context.settings, caPem: undefined });
      await assert.rejects(loadGit(t, { repo }, unknowing), /certificate/);
    });
  });
}

type Guard = NonNullable<Parameters<typeof startFront>[0]["guard"]>;

async function expectRoundTrip(artifact: Artifact, context: TestSurroundings): Promise<void> {
  await using driver = await openDriver(artifact, context);
  await driver.saveFile(artifact, fileOf("k", "content"), patience());
  assert.equal((await load(driver, artifact)).toString(), "content");
}

/** The same setting without the private CA fails, and says why. */
async function refusesUnknownCa(artifact: Artifact, context: TestSurroundings): Promise<void> {
  await using driver = await openDriver(artifact, context);
  await assert.rejects(driver.open(artifact, patience()), /certificate/);
}

function named(name: string, endpoint: string): string {
  return `${name}:${endpoint.split(":")[1]}`;
}

function hostOf(url: string): string {
  return new URL(url).host;
}
