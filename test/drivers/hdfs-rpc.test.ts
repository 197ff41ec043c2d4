import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { Readable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { DigestMd5 } from "../../src/artifacts/drivers/hdfs/native/digest-md5.ts";
import { Message } from "../../src/artifacts/drivers/hdfs/native/wire.ts";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { listen } from "../servers/listen.ts";
import {
  type DataNodeFault,
  type NameNodeAnswer,
  startDataNode,
  startNameNode,
} from "../servers/name-node.ts";
import { hdfsArtifact, load } from "./hdfs-suite.ts";
import { fileOf, keysOf, noise, patience, surroundings } from "./surroundings.ts";

const content = noise(20_000);
const defaults = new Message().bytes(
  1,
  new Message()
    .number(1, 1 << 20)
    .number(2, 512)
    .number(3, 65_536)
    .number(4, 1)
    .number(5, 4096),
);

function statusOf(type: number, sizeBytes: number, name = ""): Message {
  const permission = new Message().number(1, 0o644);
  return new Message()
    .number(1, type)
    .text(2, name)
    .number(3, sizeBytes)
    .bytes(4, permission)
    .text(5, "me")
    .text(6, "us")
    .number(7, 1_700_000_000_000)
    .number(8, 0);
}

function blockOf(ports: readonly number[]): Message {
  const block = new Message().text(1, "pool").number(2, 1).number(3, 1).number(4, content.byteLength);
  const located = new Message().bytes(1, block).number(2, 0);
  for (const port of ports) {
    const id = new Message().text(1, "127.0.0.1").text(2, "node").text(3, "uuid").number(4, port);
    located.bytes(3, new Message().bytes(1, id));
  }
  const token = new Message().text(1, "").text(2, "").text(3, "").text(4, "");
  return located.flag(4, false).bytes(5, token);
}

/** A cluster with one file, whose replicas are as good as they are said to be. */
async function startFile(t: TestContext, faults: readonly DataNodeFault[]) {
  const ports: number[] = [];
  for (const fault of faults) ports.push(await startDataNode(t, content, fault));
  const blocks = new Message().number(1, content.byteLength).bytes(2, blockOf(ports)).flag(3, false);
  const answers: Record<string, Message> = {
    getServerDefaults: defaults,
    getFileInfo: new Message().bytes(1, statusOf(2, content.byteLength)),
    getBlockLocations: new Message().bytes(1, blocks),
  };
  return await startNameNode(t, (method) => answers[method] ?? { exception: "java.lang.Exception" });
}

describe("hdfs by RPC: DIGEST-MD5, by which data nodes want the block's token proved", () => {
  const credentials = { username: "chris", password: "secret", uri: "imap/elwood.innosoft.com" };
  const challenge =
    'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8';

  it("answers as the example of RFC 2831 does, and takes its proof and no other", () => {
    const digest = new DigestMd5(credentials, challenge, "auth", "OA6MHXh6VqTrRk");

    assert.match(digest.response(), /response=d388dad90d4bbd760a152321f2143af7,qop=auth$/);
    assert.equal(digest.accept("rspauth=ea40f60335c427b5527b84dbabcdfffd"), undefined);
    assert.throws(() => digest.accept("rspauth=ea40f60335c427b5527b84dbabcdfffe"), /does not prove/);
    assert.throws(() => digest.accept(""), /does not prove/);
  });

  it("takes no less protection than is asked for, and no cipher that is broken", () => {
    assert.throws(() => new DigestMd5(credentials, challenge, "auth-conf"), /auth-conf is asked for/);
    const weak = challenge.replace('"auth"', '"auth-conf"').concat(',cipher="rc4-40,des"');
    assert.throws(() => new DigestMd5(credentials, weak, "auth"), /offers no 3DES/);
    assert.throws(() => new DigestMd5(credentials, "hello", "auth"), /is asked for/);
  });
});

describe("hdfs by RPC: data nodes", () => {
  for (const fault of ["corrupt", "truncate", "refuse", "shifted"] as const) {
    it(`goes on at the next one where what comes is wrong (${fault})`, async (t) => {
      const { address } = await startFile(t, [fault, "none"]);
      const artifact = hdfsArtifact([address], "/f");
      await using driver = await openDriver(artifact, surroundings());

      assert.ok((await load(driver, artifact)).equals(content));
    });
  }

  it("are wrong where all of them have other bytes than were written", async (t) => {
    const { address } = await startFile(t, ["corrupt", "corrupt"]);
    const artifact = hdfsArtifact([address], "/f");
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(load(driver, artifact), (error: Error) => {
      assert.match(error.message, /open \/f: a checksum is not that of the data that came/);
      return isExecutorError(error, "Corrupt");
    });
  });

  it("may all be away: another place in the pipeline is asked for, and then the file fails", async (t) => {
    const asked: number[] = [];
    const node = await startNameNode(t, (method, request): NameNodeAnswer => {
      if (method === "addBlock") {
        asked.push(request.all(4).length);
        return new Message().bytes(1, blockOf([1]));
      }
      const answers: Record<string, Message> = {
        getServerDefaults: defaults,
        getFileInfo: new Message(),
        mkdirs: new Message().flag(1, true),
        create: new Message().bytes(1, statusOf(2, 0).number(13, 42)),
        abandonBlock: new Message(),
        delete: new Message().flag(1, true),
      };
      return answers[method] ?? { exception: "java.lang.Exception" };
    });
    const artifact = hdfsArtifact([node.address], "/f");
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(
      driver.saveFile(artifact, { ...fileOf("f", "content"), replayable: false }, patience()),
      /create \/\.f\..*connection refused/,
    );

    assert.deepEqual(asked, [0, 1, 2, 3], "those that could not be reached are told");
    assert.equal(node.calls.at(-1), "delete", "nothing half there stays");
  });
});

describe("hdfs by RPC: a source that says nothing", () => {
  it("is left at once when we are told to stop, and nothing half there stays", async (t) => {
    const made = Promise.withResolvers<void>();
    const deleted = Promise.withResolvers<void>();
    const node = await startNameNode(t, (method): NameNodeAnswer => {
      if (method === "create") made.resolve();
      if (method === "delete") deleted.resolve();
      const answers: Record<string, Message> = {
        getServerDefaults: defaults,
        getFileInfo: new Message(),
        mkdirs: new Message().flag(1, true),
        create: new Message().bytes(1, statusOf(2, 0).number(13, 42)),
        delete: new Message().flag(1, true),
      };
      return answers[method] ?? { exception: "java.lang.Exception" };
    });
    const artifact = hdfsArtifact([node.address], "/f");
    await using driver = await openDriver(artifact, surroundings());
    const stop = new AbortController();
    const open = () => new Readable({ read() {} });
    const silent = { name: "f", sizeBytes: undefined, replayable: false, open };

    const saving = driver.saveFile(artifact, silent, stop.signal);
    await made.promise;
    stop.abort();

    await assert.rejects(saving);
    await deleted.promise;
  });
});

describe("hdfs by RPC: name nodes", () => {
  it("are asked in turn, past those that are down or on standby, and the active one first after that", async (t) => {
    const standby = await startNameNode(t, () => ({ exception: "org.apache.hadoop.ipc.StandbyException" }));
    const active = await startFile(t, ["none"]);
    const artifact = hdfsArtifact(["127.0.0.1:1", standby.address, active.address], "/f");
    await using driver = await openDriver(artifact, surroundings());

    assert.ok((await load(driver, artifact)).equals(content));

    assert.deepEqual(standby.calls, ["getServerDefaults"]);
  });

  it("are tried again where they are in safe mode", async (t) => {
    let tries = 0;
    const node = await startNameNode(t, (method) => {
      if (method === "getServerDefaults") return defaults;
      tries += 1;
      if (tries < 3) return { exception: "org.apache.hadoop.hdfs.server.namenode.SafeModeException" };
      return new Message();
    });
    const artifact = hdfsArtifact([node.address], "/f");
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(driver.open(artifact, patience()), (error) => isExecutorError(error, "NotFound"));
    assert.equal(tries, 3);
  });

  for (const [exception, code] of [
    ["org.apache.hadoop.security.AccessControlException", "Forbidden"],
    ["org.apache.hadoop.hdfs.protocol.DSQuotaExceededException", "TooLarge"],
    ["org.apache.hadoop.ipc.RpcNoSuchMethodException", "Unsupported"],
  ] as const) {
    it(`mean ${code} by ${exception.split(".").at(-1)}`, async (t) => {
      const text = "Permission denied: user=me\n\tat a.stack.Trace";
      const node = await startNameNode(t, (method) =>
        method === "getServerDefaults" ? defaults : { exception, text },
      );
      const artifact = hdfsArtifact([node.address], "/f");
      await using driver = await openDriver(artifact, surroundings());

      await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
        assert.match(error.message, /^stat \/f: \w+Exception: Permission denied: user=me/);
        assert.doesNotMatch(error.message, /stack/);
        return isExecutorError(error, code);
      });
    });
  }

  it("say that they believe nobody, and what to give", async (t) => {
    const text = "SIMPLE authentication is not enabled.  Available:[TOKEN, KERBEROS]";
    const exception = "org.apache.hadoop.security.AccessControlException";
    const node = await startNameNode(t, () => ({ exception, text, detail: 15 }));
    const artifact = hdfsArtifact([node.address], "/f");
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
      assert.match(error.message, /SIMPLE authentication is not enabled.*krbKeytabSecret or krbCCacheSecret/);
      return isExecutorError(error, "Unauthorized");
    });
  });

  it("may be no name nodes: what answers instead, or that nobody does, is named with the ways that were tried", async (t) => {
    const web = await listen(
      t,
      createServer((_, response) => response.writeHead(200).end("a web page")),
    );
    const closing = await listen(
      t,
      createTcpServer((socket) => socket.destroy()),
    );
    for (const [port, words] of [
      [web, /does not speak Hadoop's protocol; it may be no RPC port of a name node/],
      [closing, /(unexpected EOF|connection reset by peer|broken pipe); it may be no RPC port/],
      [1, /connection refused/],
    ] as const) {
      const artifact = hdfsArtifact([`127.0.0.1:${port}`], "/f");
      await using driver = await openDriver(artifact, surroundings());

      await assert.rejects(driver.open(artifact, patience()), (error: Error) => {
        assert.match(error.message, words);
        assert.match(
          error.message,
          /nobody of HDFS answers: RPC at 127\.0\.0\.1:\d+, nor WebHDFS at http:\/\/127\.0\.0\.1:9870, .*check host and port in hdfs\.addresses/,
        );
        return isExecutorError(error, "Transient");
      });
    }
  });

  it("may not name what leads elsewhere, or the same again", async (t) => {
    for (const names of [["../x"], ["a/b"], ["b", "a"], ["a", "a"]]) {
      const listing = new Message();
      for (const name of names) listing.bytes(1, statusOf(2, 1, name));
      const answers: Record<string, Message> = {
        getServerDefaults: defaults,
        getFileInfo: new Message().bytes(1, statusOf(1, 0)),
        getListing: new Message().bytes(1, listing.number(2, 1)),
      };
      const node = await startNameNode(t, (method) => answers[method] ?? new Message());
      const artifact = hdfsArtifact([node.address], "/d");
      await using driver = await openDriver(artifact, surroundings());

      await assert.rejects(keysOf(driver, artifact, patience()), (error) =>
        isExecutorError(error, "Corrupt"),
      );
    }
  });

  it("may not name no blocks of a file that has bytes, for ever", async (t) => {
    const blocks = new Message().number(1, content.byteLength).flag(3, false);
    const answers: Record<string, Message> = {
      getServerDefaults: defaults,
      getFileInfo: new Message().bytes(1, statusOf(2, content.byteLength)),
      getBlockLocations: new Message().bytes(1, blocks),
    };
    const node = await startNameNode(t, (method) => answers[method] ?? new Message());
    const artifact = hdfsArtifact([node.address], "/f");
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(load(driver, artifact), /names no block at 0 of/);
  });

  it("may not hand out what only the servers themselves can read", async (t) => {
    for (const field of [6, 7]) {
      const blocks = new Message().number(1, content.byteLength).flag(3, false).bytes(field, new Message());
      const answers: Record<string, Message> = {
        getServerDefaults: defaults,
        getFileInfo: new Message().bytes(1, statusOf(2, content.byteLength)),
        getBlockLocations: new Message().bytes(1, blocks),
      };
      const node = await startNameNode(t, (method) => answers[method] ?? new Message());
      const artifact = hdfsArtifact([node.address], "/f");
      await using driver = await openDriver(artifact, surroundings());

      await assert.rejects(load(driver, artifact), (error: Error) => {
        assert.match(error.message, /name WebHDFS in hdfs\.addresses/);
        return isExecutorError(error, "Unsupported");
      });
    }
  });
});
