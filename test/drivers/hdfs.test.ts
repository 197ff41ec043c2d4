import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { readHdfsConfig } from "../../src/artifacts/drivers/hdfs/config.ts";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { refuse, startWebHdfs } from "../servers/web-hdfs-server.ts";
import { describeHdfs, hdfsArtifact, load } from "./hdfs-suite.ts";
import { fileOf, patience, surroundings, temporaryFolder } from "./surroundings.ts";

describeHdfs("hdfs on a WebHDFS of ours", async (t) => [(await startWebHdfs(t)).url]);

describe("hdfs: addresses", () => {
  const origins = (...addresses: string[]) =>
    readHdfsConfig({ addresses, path: "/a", hdfsUser: "me" }).origins;

  it("finds WebHDFS beside the RPC ports that users give, and takes web ports and URLs as they are", () => {
    assert.deepEqual(origins("nn1:8020"), [
      "http://nn1:9870",
      "http://nn1:50070",
      "https://nn1:9871",
      "https://nn1:50470",
    ]);
    assert.deepEqual(origins("nn1:9870", "nn2:50470", "httpfs:14000"), [
      "http://nn1:9870",
      "https://nn2:50470",
      "http://httpfs:14000",
    ]);
    assert.deepEqual(origins("https://nn1:8443", "http://nn2"), ["https://nn1:8443", "http://nn2"]);
  });

  it("speaks RPC to the RPC ports alone, and WebHDFS where TLS alone protects", () => {
    const nameNodes = (addresses: string[], more = {}) =>
      readHdfsConfig({ addresses, path: "/a", hdfsUser: "me", ...more }).nameNodes;

    assert.deepEqual(nameNodes(["nn1:8020", "[::1]:9000", "nn2"]), [
      { host: "nn1", port: 8020 },
      { host: "::1", port: 9000 },
      { host: "nn2", port: 8020 },
    ]);
    for (const web of ["nn:9870", "http://nn:8020", "nn:14000"])
      assert.deepEqual(nameNodes(["nn1:8020", web]), []);
    assert.deepEqual(nameNodes(["nn:8020"], { dataTransferProtection: "privacy" }), []);
    const ticket = { krbCCacheSecret: { name: "k", key: "c" }, dataTransferProtection: "privacy" };
    assert.deepEqual(nameNodes(["nn:8020"], ticket), [{ host: "nn", port: 8020 }]);
  });

  it("uses TLS alone where dataTransferProtection asks for integrity or privacy", () => {
    const config = (address: string) =>
      readHdfsConfig({ addresses: [address], path: "/a", hdfsUser: "me", dataTransferProtection: "privacy" });

    assert.deepEqual(config("nn1:8020").origins, ["https://nn1:9871", "https://nn1:50470"]);
    assert.throws(() => config("nn1:9870"), /dataTransferProtection asks for TLS/);
  });

  it("names the field that is missing or wrong", () => {
    const good = { addresses: ["nn:8020"], path: "/a", hdfsUser: "me" };
    assert.throws(() => readHdfsConfig({ ...good, addresses: [] }), /hdfs\.addresses is required/);
    assert.throws(() => readHdfsConfig({ ...good, path: "" }), /hdfs\.path is required/);
    assert.throws(() => readHdfsConfig({ ...good, path: "a" }), /hdfs\.path must be a absolute file path/);
    assert.throws(() => readHdfsConfig({ ...good, path: "/a/../b" }), /hdfs\.path must be/);
    assert.throws(() => readHdfsConfig({ ...good, hdfsUser: "" }), /either hdfs\.hdfsUser, .* is required/);
    for (const wrong of ["a/b", "nn:99999", "nn:0"])
      assert.throws(
        () => readHdfsConfig({ ...good, addresses: [wrong] }),
        /hdfs\.addresses must be host:port/,
      );
    assert.throws(
      () => readHdfsConfig({ ...good, dataTransferProtection: "much" }),
      /dataTransferProtection must be/,
    );
  });

  it("goes on to the next name node where one is down and one is on standby", async (t) => {
    const standby = await startWebHdfs(t);
    standby.intercept((_, response) => {
      refuse(response, 403, "StandbyException", "Operation category READ is not supported in state standby");
      return true;
    });
    const active = await startWebHdfs(t);
    active.entries.set("/a", Buffer.from("content"));
    const down = createServer().listen(0, "127.0.0.1");
    await once(down, "listening");
    const { port } = down.address() as AddressInfo;
    down.close();
    const artifact = hdfsArtifact([`http://127.0.0.1:${port}`, standby.url, active.url], "/a");
    await using driver = await openDriver(artifact, surroundings());

    assert.equal((await load(driver, artifact)).toString(), "content");

    assert.equal(standby.requests.length, 1, "asked once: the active one is remembered");
  });
});

describe("hdfs: servers that fail or lie", () => {
  it("goes on where a download broke off", async (t) => {
    const server = await startWebHdfs(t);
    const content = Buffer.alloc(300_000, "abcdefg");
    server.entries.set("/a", content);
    let breaks = 2;
    server.intercept(({ op, isData, parameters }, response) => {
      if (op !== "OPEN" || !isData || breaks === 0) return false;
      breaks -= 1;
      const rest = content.subarray(Number(parameters.get("offset")));
      response.writeHead(200, { "content-length": rest.byteLength });
      response.write(rest.subarray(0, 100_000), () => response.socket?.destroy());
      return true;
    });
    const artifact = hdfsArtifact([server.url], "/a");
    await using driver = await openDriver(artifact, surroundings());

    assert.ok((await load(driver, artifact)).equals(content));

    const offsets = server.requests
      .filter(({ isData }) => isData)
      .map(({ parameters }) => Number(parameters.get("offset")));
    assert.equal(offsets.length, 3);
    assert.ok(offsets[2] !== undefined && offsets[2] > 0);
  });

  it("fails where the file is replaced while it is read", async (t) => {
    const server = await startWebHdfs(t);
    server.entries.set("/a", Buffer.alloc(200_000, "a"));
    server.intercept(({ op, isData }, response) => {
      if (op !== "OPEN" || !isData) return false;
      response.writeHead(200, { "content-length": 200_000 });
      response.write(Buffer.alloc(1000, "a"), () => response.socket?.destroy());
      server.entries.set("/a", Buffer.alloc(200_001, "b"));
      return true;
    });
    const artifact = hdfsArtifact([server.url], "/a");
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(load(driver, artifact), (error) => isExecutorError(error, "Conflict"));
  });

  for (const [what, send] of [
    ["shorter", 5],
    ["longer", 50],
  ] as const) {
    it(`refuses content that is ${what} than the name node says`, async (t) => {
      const server = await startWebHdfs(t);
      server.entries.set("/a", Buffer.alloc(10));
      server.intercept(({ op, isData }, response) => {
        if (op !== "OPEN" || !isData) return false;
        response.writeHead(200, { "content-length": send }).end(Buffer.alloc(send));
        return true;
      });
      const artifact = hdfsArtifact([server.url], "/a");
      await using driver = await openDriver(artifact, surroundings());

      await assert.rejects(load(driver, artifact), (error) => isExecutorError(error, "Corrupt"));
    });
  }

  it("refuses a page of HTML, and a listing of other forms", async (t) => {
    const server = await startWebHdfs(t);
    const artifact = hdfsArtifact([server.url], "/a");
    await using driver = await openDriver(artifact, surroundings());

    for (const body of [
      "<html>sign in</html>",
      "[]",
      '{"FileStatus":{"type":"FILE","length":-1}}',
      '{"FileStatus":{"type":"LINK","length":1}}',
      "",
    ]) {
      server.intercept((_, response) => {
        response.writeHead(200).end(body);
        return true;
      });
      await assert.rejects(
        driver.open(artifact, patience()),
        /stat \/a: the answer is not WebHDFS'; check hdfs\.addresses/,
      );
    }
  });

  it("refuses a listing that does not end, and names that lead elsewhere", async (t) => {
    const server = await startWebHdfs(t);
    server.entries.set("/dir", undefined);
    const artifact = hdfsArtifact([server.url], "/dir");
    await using driver = await openDriver(artifact, surroundings());
    const folder = await temporaryFolder(t);

    for (const pathSuffix of ["same", "../outside", "..", "a/b", ""]) {
      server.intercept(({ op }, response) => {
        if (op !== "LISTSTATUS_BATCH") return false;
        const FileStatus = [{ pathSuffix, type: "FILE", length: 0, modificationTime: 0 }];
        const DirectoryListing = { partialListing: { FileStatuses: { FileStatus } }, remainingEntries: 1 };
        response.writeHead(200).end(JSON.stringify({ DirectoryListing }));
        return true;
      });
      const stored = await driver.open(artifact, patience());
      assert.equal(stored.kind, "directory");
      if (stored.kind === "directory")
        await assert.rejects(stored.download(folder), (error) => isExecutorError(error, "Corrupt"));
    }
  });

  for (const location of ["ftp://127.0.0.1/x", "http://127.0.0.1:1/admin", "nonsense", ""]) {
    it(`follows no redirect to ${JSON.stringify(location)}`, async (t) => {
      const server = await startWebHdfs(t);
      server.entries.set("/a", Buffer.from("x"));
      server.intercept(({ op }, response) => {
        if (op !== "OPEN") return false;
        response.writeHead(307, { location }).end();
        return true;
      });
      const artifact = hdfsArtifact([server.url], "/a");
      await using driver = await openDriver(artifact, surroundings());

      await assert.rejects(load(driver, artifact), /sends us to an address that is no data node's/);
    });
  }

  it("fails where less is stored than was sent, and leaves nothing", async (t) => {
    const server = await startWebHdfs(t);
    server.intercept(({ op, isData, path }, response) => {
      if (op !== "CREATE" || !isData) return false;
      server.entries.set(path, Buffer.from("les"));
      response.writeHead(201).end();
      return true;
    });
    const artifact = hdfsArtifact([server.url], "/a");
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(driver.saveFile(artifact, fileOf("a", "less"), patience()), (error) =>
      isExecutorError(error, "Corrupt"),
    );

    assert.deepEqual([...server.entries.keys()], ["/"]);
  });

  for (const [exception, status, code] of [
    ["AccessControlException", 403, "Forbidden"],
    ["DSQuotaExceededException", 403, "TooLarge"],
    ["SafeModeException", 403, "Transient"],
    ["SecurityException", 401, "Unauthorized"],
  ] as const) {
    it(`calls a ${exception} ${code}`, async (t) => {
      const server = await startWebHdfs(t);
      server.intercept((_, response) => {
        refuse(response, status, exception, "Permission denied: user=root\n\tat org.apache.hadoop");
        return true;
      });
      const artifact = hdfsArtifact([server.url], "/a");
      await using driver = await openDriver(artifact, surroundings());

      await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
        assert.match(error.message, new RegExp(`stat /a: ${exception}: Permission denied: user=root`));
        assert.doesNotMatch(error.message, /org\.apache/);
        return isExecutorError(error, code);
      });
    });
  }
});
