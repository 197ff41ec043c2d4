import { createHmac, generateKeyPairSync } from "node:crypto";
import { request } from "node:http";
import type { TestContext } from "node:test";
import { sharedKey } from "../../src/artifacts/drivers/azure/signature.ts";
import type { DriverSettings } from "../../src/artifacts/index.ts";
import type { Artifact, AzureLocation, GcsLocation, OssLocation } from "../../src/template/index.ts";
import { account, accountKey } from "../servers/azurite.ts";
import { type Front, type FrontOptions, startFront } from "../servers/front.ts";
import { startGcsServer } from "../servers/gcs-server.ts";
import { startGoogleIdentity } from "../servers/google-identity.ts";
import { type OssServer, startOssServer } from "../servers/oss-server.ts";
import type { FaultyStore } from "./fault-suite.ts";
import type { StoreUnderTest } from "./suite.ts";
import { surroundings, type TestSurroundings } from "./surroundings.ts";

type Settings = Partial<DriverSettings>;

export interface GcsUnderTest extends StoreUnderTest {
  readonly context: TestSurroundings;
  readonly front: Front;
  /** `HOST:PORT` of the server itself, which asks for no token. */
  readonly server: string;
  artifact(key: string, overrides?: Partial<GcsLocation>): Artifact;
}

const keyOf = (name: string) => encodeURIComponent(name);
const googleKey = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** A GCS server behind a front that checks tokens, with Google's token server; `target` is another GCS server. */
export async function startGcs(
  t: TestContext,
  {
    target,
    bucket = "bucket",
    settings = {},
  }: { target?: string; bucket?: string; settings?: Settings } = {},
): Promise<GcsUnderTest> {
  const server = target === undefined ? await startGcsServer() : undefined;
  if (server) t.after(() => server[Symbol.asyncDispose]());
  server?.createBucket(bucket);
  const identity = await startGoogleIdentity({ publicKey: googleKey.publicKey });
  t.after(() => identity[Symbol.asyncDispose]());
  const front = await startFront({
    target: target ?? server?.endpoint ?? "",
    guard: ({ headers }) =>
      identity.accepts(headers.authorization)
        ? undefined
        : {
            status: 401,
            headers: { "content-type": "application/json" },
            body: JSON.stringify({
              error: { code: 401, message: "Invalid Credentials", errors: [{ reason: "authError" }] },
            }),
          },
  });
  t.after(() => front[Symbol.asyncDispose]());
  const keyFile = (email: string) =>
    JSON.stringify({
      type: "service_account",
      client_email: email,
      private_key_id: "k1",
      private_key: googleKey.privateKey.export({ type: "pkcs8", format: "pem" }),
      token_uri: `${identity.url}/token`,
    });
  const context = surroundings(
    { "gcs/key": keyFile(identity.account) },
    { identityVariables: { STORAGE_EMULATOR_HOST: front.endpoint }, ...settings },
  );
  const artifact = (key: string, overrides: Partial<GcsLocation> = {}): Artifact => ({
    name: "artifact",
    path: "/tmp/artifact",
    gcs: { bucket, key, serviceAccountKeySecret: { name: "gcs", key: "key" }, ...overrides },
  });
  const faulty: FaultyStore = {
    front,
    read: { method: "GET", path: /alt=media/ },
    lookup: { method: "GET", path: /\/o\/[^?]+\?fields=/ },
    write: { method: "POST", path: /uploadType=multipart/ },
    part: { method: "PUT", path: /upload_id=/ },
    list: { method: "GET", path: /\/o\?/ },
    withoutLength: { body: (text) => JSON.stringify({ ...JSON.parse(text), size: undefined }) },
    endless: (text) => JSON.stringify({ ...JSON.parse(text), nextPageToken: keyOf("dir/a.txt") }),
    begin: { method: "POST", path: /uploadType=resumable/ },
    rotate: () => identity.revokeAll(),
    skew(offsetMs) {
      identity.clockOffsetMs = offsetMs;
    },
  };
  return {
    context,
    artifact,
    front,
    server: target ?? server?.endpoint ?? "",
    faulty,
    elsewhere: artifact("x", { bucket: "no-such-bucket" }),
    strangers: () => ({
      context: surroundings({ "gcs/key": keyFile("wrong-secret@nowhere") }, context.settings),
      artifact: artifact("x"),
    }),
  };
}

export interface AzureUnderTest extends StoreUnderTest {
  readonly context: TestSurroundings;
  readonly front: Front;
  readonly container: string;
  artifact(key: string, overrides?: Partial<AzureLocation>): Artifact;
}

let containers = 0;

/** A container of its own in an Azurite that is running, behind a front. */
export async function startAzure(
  t: TestContext,
  target: string,
  guard?: FrontOptions["guard"],
  settings: Settings = {},
): Promise<AzureUnderTest> {
  containers += 1;
  const container = `c${process.pid}-${containers}`;
  await createContainer(target, container);
  const keys = { key: accountKey, offsetMs: 0 };
  const front = await startFront({
    target,
    guard: (request, headers) => {
      const sentMs = Date.parse(String(headers["x-ms-date"]));
      if (Math.abs(sentMs - Date.now() - keys.offsetMs) > 15 * 60_000) {
        const date = new Date(Date.now() + keys.offsetMs).toUTCString();
        return { status: 403, body: "", headers: { "x-ms-error-code": "AuthenticationFailed", date } };
      }
      // Rotation: the front knows the key of now and signs with the emulator's, which cannot change.
      if (keys.key === accountKey) return guard?.(request, headers);
      const expected = authorizationOf(
        request.method,
        request.url,
        headers as Record<string, string>,
        keys.key,
      );
      if (headers.authorization !== expected)
        return { status: 403, body: "", headers: { "x-ms-error-code": "AuthenticationFailed" } };
      headers.authorization = authorizationOf(
        request.method,
        request.url,
        headers as Record<string, string>,
        accountKey,
      );
      return undefined;
    },
  });
  t.after(() => front[Symbol.asyncDispose]());
  const context = surroundings({ "azure/key": `${accountKey}\n` }, settings);
  const artifact = (key: string, overrides: Partial<AzureLocation> = {}): Artifact => ({
    name: "artifact",
    path: "/tmp/artifact",
    azure: {
      endpoint: `http://${front.endpoint}/${account}`,
      container,
      blob: key,
      accountKeySecret: { name: "azure", key: "key" },
      ...overrides,
    },
  });
  const blob = new RegExp(`/${container}/`);
  const faulty: FaultyStore = {
    front,
    read: { method: "GET", path: blob },
    lookup: { method: "HEAD", path: blob },
    write: { method: "PUT", path: blob },
    part: { method: "PUT", path: /comp=block&/ },
    list: { method: "GET", path: /comp=list/ },
    withoutLength: { headers: { "content-length": undefined } },
    endless: (text) =>
      text.replace(/<NextMarker\s*\/>|<NextMarker>.*<\/NextMarker>/, "<NextMarker>again</NextMarker>"),
    rotate() {
      keys.key = createHmac("sha512", "new").update("key").digest("base64");
      context.secrets.set("azure/key", keys.key);
    },
    skew(offsetMs) {
      keys.offsetMs = offsetMs;
    },
  };
  const wrongKey = createHmac("sha512", "wrong").update("key").digest("base64");
  return {
    context,
    artifact,
    front,
    faulty,
    container,
    elsewhere: artifact("x", { container: "no-such-container" }),
    strangers: () => ({ context: surroundings({ "azure/key": wrongKey }), artifact: artifact("x") }),
  };
}

/** What a request of the emulator's account must be signed with. */
export function authorizationOf(
  method: string,
  url: string,
  headers: Record<string, string>,
  key: string,
): string {
  const { pathname, searchParams } = new URL(url, "http://x");
  const query = Object.fromEntries(searchParams);
  return sharedKey(account, Buffer.from(key, "base64"), { method, path: pathname, query, headers });
}

/** A container in an Azurite, whose address is `target`. */
export async function createContainer(target: string, container: string): Promise<void> {
  const path = `/${account}/${container}`;
  const headers: Record<string, string> = {
    "x-ms-date": new Date().toUTCString(),
    "x-ms-version": "2021-12-02",
    "content-length": "0",
  };
  headers.authorization = authorizationOf("PUT", `${path}?restype=container`, headers, accountKey);
  const [host = "", port] = target.split(":");
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(
      { host, port, method: "PUT", path: `${path}?restype=container`, headers, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    sent.on("error", reject).end();
  });
  if (status !== 201) throw new Error(`creating the container ${container}: ${status}`);
}

export interface OssUnderTest extends StoreUnderTest {
  readonly context: TestSurroundings;
  readonly front: Front;
  readonly server: OssServer;
  artifact(key: string, overrides?: Partial<OssLocation>): Artifact;
}

/** Our OSS server, which checks signatures, behind a front. */
export async function startOss(t: TestContext, settings: Settings = {}): Promise<OssUnderTest> {
  const server = await startOssServer();
  t.after(() => server[Symbol.asyncDispose]());
  server.createBucket("bucket");
  const front = await startFront({ target: server.endpoint });
  t.after(() => front[Symbol.asyncDispose]());
  const context = surroundings({ "oss/access": "access\n", "oss/secret": " secret\n" }, settings);
  const artifact = (key: string, overrides: Partial<OssLocation> = {}): Artifact => ({
    name: "artifact",
    path: "/tmp/artifact",
    oss: {
      endpoint: front.endpoint,
      bucket: "bucket",
      key,
      accessKeySecret: { name: "oss", key: "access" },
      secretKeySecret: { name: "oss", key: "secret" },
      ...overrides,
    },
  });
  const object = /^\/bucket\/[^?]+/;
  const faulty: FaultyStore = {
    front,
    read: { method: "GET", path: object },
    lookup: { method: "HEAD", path: object },
    write: { method: "PUT", path: object },
    part: { method: "PUT", path: /partNumber=/ },
    list: { method: "GET", path: /list-type=2/ },
    withoutLength: { headers: { "content-length": undefined } },
    endless: (text) =>
      text.replace(
        "<IsTruncated>false</IsTruncated>",
        "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>",
      ),
    begin: { method: "POST", path: /\?uploads/ },
    skew(offsetMs) {
      server.clockOffsetMs = offsetMs;
    },
    rotate() {
      server.keys.delete("access");
      server.keys.set("access2", { secret: "secret2" });
      context.secrets.set("oss/access", "access2").set("oss/secret", "secret2");
    },
  };
  return {
    context,
    artifact,
    front,
    server,
    faulty,
    elsewhere: artifact("x", { bucket: "no-such-bucket" }),
    strangers: () => ({
      context: surroundings({ "oss/access": "access", "oss/secret": "wrong-secret" }),
      artifact: artifact("x"),
    }),
  };
}
