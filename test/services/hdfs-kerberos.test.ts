import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Artifact, HdfsLocation } from "../../src/template/index.ts";
import { load } from "../drivers/suite.ts";
import { fileOf, keysOf, noise, patience, surroundings, treeOf } from "../drivers/surroundings.ts";
import { type HdfsCluster, startHdfs, whyNoHadoop } from "./hadoop/index.ts";
import { type Kdc, startKdc, withoutKdc } from "./kdc.ts";

const skip = withoutKdc || whyNoHadoop();

describe("hdfs with Kerberos: MIT's key distribution centre, and Hadoop 3.5 that believes nobody", {
  skip,
}, () => {
  let kdc: Kdc;
  let cluster: HdfsCluster;
  const keytabs = new Map<string, Buffer>();
  let ccache: Buffer;
  before(async () => {
    kdc = await startKdc();
    const keytab = kdc.addPrincipals(["hdfs/localhost", "HTTP/localhost"]);
    const user = kdc.addPrincipals(["alice", "bob/host"]);
    const weaker = kdc.addPrincipals(["carol"], "aes128-cts-hmac-sha1-96:normal");
    keytabs.set("user", readFileSync(user)).set("aes128", readFileSync(weaker));
    ccache = kdc.logIn("alice", user);
    cluster = await startHdfs({ realm: kdc.realm, keytab, configurationFile: kdc.configurationFile });
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await kdc?.[Symbol.asyncDispose]();
  });

  const byKeytab = (krbUsername: string): HdfsLocation => ({
    krbKeytabSecret: { name: "krb", key: "keytab" },
    krbUsername,
    krbRealm: kdc.realm,
  });
  const place = (
    path: string,
    identity: HdfsLocation,
    files: Record<string, Buffer>,
    addresses: readonly string[] = [cluster.url],
  ) => {
    const artifact: Artifact = {
      name: "a",
      hdfs: {
        addresses,
        path,
        force: true,
        krbConfigConfigMap: { name: "krb5", key: "krb5.conf" },
        krbServicePrincipalName: "hdfs/_HOST",
        ...identity,
      },
    };
    const context = {
      ...surroundings(),
      readSecret: async ({ key = "" }: { key?: string }) => files[key] ?? Buffer.alloc(0),
      readConfigMap: async () => kdc.configuration,
    };
    return { artifact, context };
  };

  for (const [title, path, identity, file] of [
    ["a keytab with AES-256", "/alice/k", () => byKeytab("alice"), () => ({ keytab: keytabs.get("user") })],
    ["a keytab with AES-128", "/carol/k", () => byKeytab("carol"), () => ({ keytab: keytabs.get("aes128") })],
    ["a name of two parts", "/bob/k", () => byKeytab("bob/host"), () => ({ keytab: keytabs.get("user") })],
    [
      "a credential cache",
      "/cached/k",
      () => ({ krbCCacheSecret: { name: "krb", key: "ccache" } }),
      () => ({ ccache }),
    ],
  ] as const) {
    for (const way of ["WebHDFS", "RPC, with privacy on both ways"]) {
      it(`saves, loads, lists and deletes with ${title}, by ${way}`, async () => {
        const files = file() as Record<string, Buffer>;
        const addresses = way === "WebHDFS" ? [cluster.url] : cluster.rpc;
        const { artifact, context } = place(path, identity(), files, addresses);
        await using driver = await openDriver(artifact, context);
        const content = noise(5 * 1024 * 1024 + 3);

        await driver.saveFile(artifact, fileOf("k", content), patience());

        assert.ok((await load(driver, artifact)).equals(content));
        await driver.saveTree(artifact, treeOf({ "a.txt": "a", "b/c.txt": "c" }), patience());
        assert.deepEqual(await keysOf(driver, artifact, patience()), [`${path}/a.txt`, `${path}/b/c.txt`]);
        await driver.delete(artifact, patience());
        await assert.rejects(driver.open(artifact, patience()), (error) =>
          isExecutorError(error, "NotFound"),
        );
      });
    }
  }

  it("is not believed without by RPC, either, and says what to give", async () => {
    const { artifact, context } = place(
      "/x",
      { hdfsUser: "root", krbServicePrincipalName: "" },
      {},
      cluster.rpc,
    );
    await using driver = await openDriver(artifact, context);

    await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
      assert.match(error.message, /krbKeytabSecret or krbCCacheSecret/);
      return isExecutorError(error, "Unauthorized");
    });
  });

  it("asks for a ticket for the principal that krbServicePrincipalName names, by RPC", async () => {
    const files = { keytab: keytabs.get("user") ?? Buffer.alloc(0) };
    for (const [name, words] of [
      ["nn/_HOST", /the service is not known/],
      ["", /hdfs\.krbServicePrincipalName is required with Kerberos/],
    ] as const) {
      const identity = { ...byKeytab("alice"), krbServicePrincipalName: name };
      const { artifact, context } = place("/x", identity, files, cluster.rpc);

      const opening = async () => {
        await using driver = await openDriver(artifact, context);
        await driver.open(artifact, patience());
      };

      await assert.rejects(opening, words);
    }
  });

  it("is not believed without", async () => {
    const { artifact, context } = place("/x", { hdfsUser: "root" }, {});
    await using driver = await openDriver(artifact, context);

    await assert.rejects(driver.open(artifact, patience()), (error) =>
      isExecutorError(error, "Unauthorized"),
    );
  });

  it("says what is wrong with the keytab: another's, none, and half of one", async () => {
    const user = keytabs.get("user") ?? Buffer.alloc(0);
    for (const [name, bytes, code, words] of [
      ["carol", user, "BadRequest", /holds no key for carol@OUTRIDER\.TEST/],
      ["alice", Buffer.from("text"), "BadRequest", /holds no keytab/],
      ["alice", user.subarray(0, 40), "BadRequest", /damaged keytab|no key/],
    ] as const) {
      const { artifact, context } = place("/x", byKeytab(name), { keytab: bytes });
      await using driver = await openDriver(artifact, context);

      await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
        assert.match(error.message, words);
        return isExecutorError(error, code);
      });
    }
  });
});

describe("hdfs with Kerberos, by RPC: every protection", { skip }, () => {
  for (const [rpc, data] of [
    ["integrity", "authentication"],
    ["authentication", "integrity"],
  ] as const) {
    it(`saves and loads where calls have ${rpc}, and data transfer ${data}, and no less than is asked for`, async () => {
      await using kdc = await startKdc();
      const keytab = kdc.addPrincipals(["hdfs/localhost", "HTTP/localhost"]);
      const user = readFileSync(kdc.addPrincipals(["alice"]));
      const { realm, configurationFile } = kdc;
      await using cluster = await startHdfs({ realm, keytab, configurationFile, protections: [rpc, data] });
      const at = (dataTransferProtection: string): Artifact => ({
        name: "a",
        hdfs: {
          addresses: cluster.rpc,
          path: "/alice/k",
          force: true,
          dataTransferProtection,
          krbConfigConfigMap: { name: "krb5", key: "krb5.conf" },
          krbServicePrincipalName: "hdfs/_HOST",
          krbKeytabSecret: { name: "krb", key: "keytab" },
          krbUsername: "alice",
          krbRealm: realm,
        },
      });
      const context = {
        ...surroundings(),
        readSecret: async () => user,
        readConfigMap: async () => kdc.configuration,
      };
      const content = noise(5 * 1024 * 1024 + 3);
      await using driver = await openDriver(at(data), context);

      await driver.saveFile(at(data), fileOf("k", content), patience());

      assert.ok((await load(driver, at(data))).equals(content));
      await using strict = await openDriver(at("privacy"), context);
      await assert.rejects(load(strict, at("privacy")), (error: Error) => {
        assert.match(error.message, /data transfer is not protected as it has to be/);
        return isExecutorError(error, "Unauthorized");
      });
    });
  }
});
