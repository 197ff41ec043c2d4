import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { type Artifact, locationTypes } from "../../src/template/index.ts";

const run = promisify(execFile);
const script = join(import.meta.dirname, "loaded-files.ts");
const accessKeySecret = { name: "k", key: "access" };
const secretKeySecret = { name: "k", key: "secret" };
const nobody = "127.0.0.1:1";
const account = Buffer.alloc(64, 1).toString("base64");
const secrets = { "k/access": "access", "k/secret": "secret", "k/azure": account, "k/keytab": "" };
const hdfs = { addresses: [`http://${nobody}`], path: "/a" };

const locations: readonly (readonly [string, Partial<Artifact>, readonly string[]])[] = [
  [
    "s3",
    {
      s3: {
        endpoint: nobody,
        bucket: "bucket",
        key: "k",
        insecure: true,
        region: "r",
        accessKeySecret,
        secretKeySecret,
      },
    },
    ["s3"],
  ],
  ["gcs", { gcs: { bucket: "bucket", key: "k" } }, ["gcs"]],
  [
    "azure",
    {
      azure: {
        endpoint: `http://${nobody}/account`,
        container: "container",
        blob: "k",
        accountKeySecret: { name: "k", key: "azure" },
      },
    },
    ["azure"],
  ],
  [
    "oss",
    { oss: { endpoint: nobody, bucket: "bucket", key: "k", accessKeySecret, secretKeySecret } },
    ["oss"],
  ],
  ["http", { http: { url: `http://${nobody}/k` } }, ["http"]],
  ["artifactory", { artifactory: { url: `http://${nobody}/k` } }, ["http"]],
  ["raw", { raw: { data: "x" } }, ["raw"]],
  ["git", { git: { repo: `http://${nobody}/k` } }, ["git"]],
  ["plugin", { plugin: { name: "p", configuration: "c", key: "k" } }, ["plugin"]],
  ["hdfs", { hdfs: { ...hdfs, hdfsUser: "me" } }, ["hdfs"]],
  ["hdfs by RPC", { hdfs: { ...hdfs, addresses: [nobody], hdfsUser: "me" } }, ["hdfs", "hdfs/native"]],
  [
    "hdfs with Kerberos",
    {
      hdfs: {
        ...hdfs,
        krbKeytabSecret: { name: "k", key: "keytab" },
        krbUsername: "u",
        krbRealm: "R",
        krbConfigConfigMap: { name: "c", key: "k" },
      },
    },
    ["hdfs", "hdfs/kerberos"],
  ],
  [
    "hdfs by RPC with Kerberos",
    {
      hdfs: {
        addresses: [nobody],
        path: "/a",
        krbKeytabSecret: { name: "k", key: "keytab" },
        krbUsername: "u",
        krbRealm: "R",
        krbServicePrincipalName: "nn/_HOST",
        krbConfigConfigMap: { name: "c", key: "k" },
      },
    },
    ["hdfs", "hdfs/kerberos", "hdfs/native"],
  ],
];

describe("what a pod loads for the store of its artifacts", { concurrency: 2 }, () => {
  it("is known for every kind of location", () => {
    const named = locations.map(([name]) => name.split(" ")[0]);
    assert.deepEqual([...new Set(named)].sort(), [...locationTypes].sort());
  });

  for (const [name, location, folders] of locations) {
    it(`is that store's own code and no vendor's: ${name}`, async () => {
      const { stdout } = await run(process.execPath, [
        script,
        JSON.stringify(location),
        JSON.stringify(secrets),
      ]);

      const loaded = JSON.parse(stdout) as readonly string[];
      const found = loaded.flatMap((url) => /\/src\/artifacts\/drivers\/(.+)\/[^/]+$/.exec(url)?.[1] ?? []);
      assert.deepEqual([...new Set(found)].sort(), folders);
      assert.deepEqual(
        loaded.filter((url) => url.includes("/node_modules/")),
        [],
      );
    });
  }
});
