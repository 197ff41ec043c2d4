// `argoexec sync` with Hadoop that believes nobody: both ways into it, by Kerberos.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { noise, temporaryFolder } from "../drivers/surroundings.ts";
import { s3Side, sync } from "../sync/sync.ts";
import { type HdfsCluster, startHdfs, whyNoHadoop } from "./hadoop/index.ts";
import { type Kdc, startKdc, withoutKdc } from "./kdc.ts";

const skip = withoutKdc || whyNoHadoop();
const large = noise(19 * 1024 * 1024 + 3);
const texts = { "a/b/c": "one", "a.b": "two", "a-b/c": "three", "z e/ünïcödé": "four" };

describe("argoexec sync with Hadoop under Kerberos", { skip }, () => {
  let kdc: Kdc;
  let cluster: HdfsCluster;
  let keytab: string;
  before(async () => {
    kdc = await startKdc();
    const services = kdc.addPrincipals(["hdfs/localhost", "HTTP/localhost"]);
    keytab = kdc.addPrincipals(["alice"]);
    const { realm, configurationFile } = kdc;
    cluster = await startHdfs({ realm, keytab: services, configurationFile });
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await kdc?.[Symbol.asyncDispose]();
  });

  /** The controller's configuration, with the secret and the config map that it names. */
  async function configure(
    file: string,
    addresses: readonly string[],
    path: string,
    key: Buffer,
  ): Promise<string> {
    const documents = [
      {
        artifactRepository: {
          hdfs: {
            addresses,
            path,
            krbKeytabSecret: { name: "krb", key: "keytab" },
            krbUsername: "alice",
            krbRealm: kdc.realm,
            krbConfigConfigMap: { name: "krb5", key: "krb5.conf" },
            krbServicePrincipalName: "hdfs/_HOST",
          },
        },
      },
      { kind: "Secret", metadata: { name: "krb" }, data: { keytab: key.toString("base64") } },
      { kind: "ConfigMap", metadata: { name: "krb5" }, data: { "krb5.conf": kdc.configuration } },
    ];
    await writeFile(file, documents.map((document) => JSON.stringify(document)).join("\n---\n"));
    return file;
  }

  for (const [way, addressesOf] of [
    ["RPC, with privacy on both ways", () => cluster.rpc],
    ["WebHDFS", () => [cluster.url]],
  ] as const) {
    it(`copies there and back by ${way}, sees that nothing has changed, and verifies`, async (t) => {
      const [source, back] = [await s3Side(t), await s3Side(t)];
      for (const [key, content] of Object.entries(texts)) await source.put(key, content);
      await source.put("large", large);
      const folder = await temporaryFolder(t);
      const path = way === "WebHDFS" ? "/web/argo" : "/rpc/argo";
      const hdfs = await configure(join(folder, "hdfs.yaml"), addressesOf(), path, readFileSync(keytab));
      const count = Object.keys(texts).length + 1;

      const there = await sync(["run", source.url(), hdfs]);
      const again = await sync(["run", source.url(), hdfs]);
      const returned = await sync(["run", hdfs, back.url()]);
      const verified = await sync(["verify", hdfs, back.url()]);

      assert.equal(there.status, 0, there.lastLine);
      assert.equal(there.report?.totals.copied?.objects, count);
      assert.equal(again.report?.totals.equal?.objects, count, again.lastLine);
      assert.equal(returned.status, 0, returned.lastLine);
      assert.deepEqual(await back.contents(), await source.contents());
      assert.equal(verified.status, 0, verified.lastLine);
      assert.equal(verified.report?.totals.equal?.objects, count);
    });

    it(`is refused by ${way} with a keytab of nobody, says why, and shows no key`, async (t) => {
      const source = await s3Side(t);
      await source.put("a", "a");
      const folder = await temporaryFolder(t);
      const nobody = Buffer.from("not a keytab at all");
      const hdfs = await configure(join(folder, "hdfs.yaml"), addressesOf(), "/refused", nobody);

      const { status, stderr, lastLine } = await sync(["run", source.url(), hdfs]);

      assert.ok(status === 20 || status === 64, `${status}: ${lastLine}`);
      assert.match(lastLine, /keytab/);
      assert.doesNotMatch(stderr, /not a keytab at all|bm90IGEga2V5dGFi/);
    });
  }
});
