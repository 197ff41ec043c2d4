import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { selfSignedCertificate } from "../servers/api-server/index.ts";
import { startFileServer } from "./file-server.ts";
import { s3Artifact, secrets, startS3 } from "./s3-location.ts";
import { load } from "./suite.ts";
import { fileOf, noise, patience, surroundings, temporaryFolder } from "./surroundings.ts";

const run = promisify(execFile);
const probe = join(import.meta.dirname, "identity-probe.ts");

/** Runs the probe with nothing of our own environment that could be an identity. */
async function probeWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
  const { PATH = "", HOME = "/nonexistent" } = process.env;
  const offline = {
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
    AWS_CONFIG_FILE: "/nonexistent",
  };
  const { stdout } = await run(process.execPath, [probe, ...args], {
    env: { PATH, HOME, ...offline, ...env },
  });
  return stdout;
}

describe("S3 driver: identities without keys in the location", () => {
  it("takes the keys of the environment", async (t) => {
    const { server } = await startS3(t);

    const output = await probeWith(
      { AWS_ACCESS_KEY_ID: "access", AWS_SECRET_ACCESS_KEY: "secret" },
      server.endpoint,
    );

    assert.equal(output, "round 0\n");
  });

  it("asks the pod identity agent, and asks again before its credentials end (docs/contract/artifacts.md#D-13)", async (t) => {
    const { server } = await startS3(t, { sessionToken: "session" });
    const agent = await startFileServer(t);
    agent.intercept((_, response) => {
      // Shorter than what is left before renewal: every request needs new ones.
      const Expiration = new Date(Date.now() + 30_000).toISOString();
      response.writeHead(200, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ AccessKeyId: "access", SecretAccessKey: "secret", Token: "session", Expiration }),
      );
      return true;
    });
    const tokenFile = join(await temporaryFolder(t), "token");
    await writeFile(tokenFile, "pod-token");

    const output = await probeWith(
      {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${agent.url}/v1/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
      },
      server.endpoint,
      "2",
    );

    assert.equal(output, "round 0\nround 1\n");
    assert.ok(agent.requests.length > 1);
    assert.equal(agent.requests[0]?.headers.authorization, "pod-token");
  });

  it("takes a web identity to the token service", async (t) => {
    const { server } = await startS3(t);
    const tokens = await startFileServer(t);
    tokens.intercept((_, response) => {
      const expiration = new Date(Date.now() + 3_600_000).toISOString();
      response
        .writeHead(200, { "content-type": "text/xml" })
        .end(
          `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>access</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken></SessionToken><Expiration>${expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
        );
      return true;
    });
    const tokenFile = join(await temporaryFolder(t), "token");
    await writeFile(tokenFile, "web-token");

    const output = await probeWith(
      {
        AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
        AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/executor",
        AWS_REGION: "us-east-1",
        AWS_ENDPOINT_URL_STS: tokens.url,
      },
      server.endpoint,
    );

    assert.equal(output, "round 0\n");
    assert.match(tokens.requests[0]?.body.toString() ?? "", /WebIdentityToken=web-token/);
  });

  it("obeys the signal while an identity service accepts and says nothing", async (t) => {
    const { server } = await startS3(t);
    const silent = await startFileServer(t);
    const asked = Promise.withResolvers<void>();
    silent.intercept(() => {
      asked.resolve();
      return true;
    });
    const before = { ...process.env };
    t.after(() => {
      process.env = before;
    });
    Object.assign(process.env, {
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
      AWS_CONFIG_FILE: "/nonexistent",
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${silent.url}/v1/credentials`,
    });
    const at = s3Artifact(server.endpoint, "model", { accessKeySecret: {}, secretKeySecret: {} });
    await using driver = await openDriver(at, surroundings());
    const stop = new AbortController();
    const asking = driver.open(at, stop.signal);
    await asked.promise;

    stop.abort(new Error("the pod goes away"));

    await assert.rejects(asking, /the pod goes away/);
    assert.equal(server.requests.length, 0);
  });

  it("says that there is no identity", async (t) => {
    const { server } = await startS3(t);

    await assert.rejects(probeWith({}, server.endpoint), /no AWS credentials for the s3 location/);
  });

  it("refuses an access key without its secret key", async () => {
    const artifact = s3Artifact("127.0.0.1:1", "k", { secretKeySecret: {} });

    await assert.rejects(
      openDriver(artifact, surroundings(secrets)),
      /accessKeySecret and secretKeySecret belong together/,
    );
  });
});

describe("S3 driver: over TLS", () => {
  it("R30: trusts the CA of caSecret, and only that", async (t) => {
    const tls = selfSignedCertificate();
    const { server } = await startS3(t, { tls });
    const context = surroundings({
      ...secrets,
      "ca/own": tls.cert,
      "ca/other": selfSignedCertificate().cert,
    });
    const trusting = s3Artifact(server.endpoint, "k", {
      insecure: false,
      caSecret: { name: "ca", key: "own" },
    });
    const other = s3Artifact(server.endpoint, "k", {
      insecure: false,
      caSecret: { name: "ca", key: "other" },
    });
    await using driver = await openDriver(trusting, context);
    await using mistaken = await openDriver(other, context);
    const content = noise(20 * 1024 * 1024);

    await driver.saveFile(trusting, fileOf("k", content), patience());

    assert.ok((await load(driver, trusting)).equals(content));
    await assert.rejects(mistaken.open(other, patience()), /failed to verify certificate/);
    const put = server.requests.find(({ method }) => method === "PUT");
    assert.equal(put?.headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
  });

  it("names a CA secret that holds no certificate", async () => {
    const artifact = s3Artifact("127.0.0.1:1", "k", {
      insecure: false,
      caSecret: { name: "ca", key: "bad" },
    });

    await assert.rejects(openDriver(artifact, surroundings({ ...secrets, "ca/bad": "ca.crt" })), (error) => {
      assert.match(String(error), /caSecret ca \(key bad\) holds no PEM certificate/);
      return isExecutorError(error, "BadRequest");
    });
  });
});
