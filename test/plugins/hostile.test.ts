import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type ArtifactDriver, openDriver, type PluginPlaces } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Artifact } from "../../src/template/index.ts";
import { fileOf, patience, surroundings } from "../drivers/surroundings.ts";
import { pluginFolders } from "../servers/artifact-plugin.ts";
import { frame, grpcHead, respond, startHttp2, startSocket } from "./hostile-server.ts";

const artifact: Artifact = {
  name: "f",
  path: "/tmp/f",
  plugin: { name: "demo", configuration: "c", connectionTimeoutSeconds: 1, key: "k" },
};
const success = frame(Buffer.from([0x08, 0x01]));

interface Setup {
  readonly driver: ArtifactDriver;
  readonly socketPath: string;
  readonly folder: string;
  readonly places: PluginPlaces;
}

async function setUp(t: TestContext, more: Partial<PluginPlaces> = {}): Promise<Setup> {
  const { folder, places } = await pluginFolders(t);
  const context = { ...surroundings(), plugins: { ...places, socketWaitMs: 2000, ...more } };
  const driver = await openDriver(artifact, context);
  t.after(() => driver[Symbol.asyncDispose]());
  return { driver, socketPath: join(places.sockets, "demo/socket"), folder, places };
}

async function load({ driver, folder }: Setup): Promise<"file" | "directory"> {
  const stored = await driver.open(artifact, patience());
  assert.ok(stored.kind === "either");
  const path = join(folder, "loaded");
  return await stored.loadTo({ path, seenBy: path });
}

async function read({ driver }: Setup): Promise<Buffer> {
  const stored = await driver.open(artifact, patience());
  assert.ok(stored.kind === "either");
  return await buffer(stored.openStream());
}

describe("a plugin that is wrong", () => {
  const answers: readonly (readonly [string, (stream: ServerHttp2Stream) => void, RegExp])[] = [
    [
      "announces four gigabytes",
      (stream) => respond(stream, frame(Buffer.from([8, 1]), { length: 0xffffffff })),
      /plugin demo load failed: rpc error: code = ResourceExhausted desc = received message larger than max \(4294967295 vs\. 4194304 bytes\)/,
    ],
    [
      "ends in the middle of a message",
      (stream) => respond(stream, frame(Buffer.from([8, 1]), { length: 20 })),
      /the answer ends in the middle of a message/,
    ],
    [
      "compresses what nobody asked it to",
      (stream) => respond(stream, frame(Buffer.from([8, 1]), { flag: 1 })),
      /holds a compressed message, which nobody asked for/,
    ],
    [
      "sends two answers to one question",
      (stream) => respond(stream, Buffer.concat([success, success])),
      /the server sent more than one message/,
    ],
    ["sends none", (stream) => respond(stream, Buffer.alloc(0)), /the server sent no message/],
    [
      "ends without a status",
      (stream) => {
        stream.respond(grpcHead);
        stream.end(success);
      },
      /the server ended the answer without a status/,
    ],
    [
      "answers with a status alone",
      (stream) =>
        stream.respond(
          { ...grpcHead, "grpc-status": "13", "grpc-message": "disk%20is%20full %zz" },
          { endStream: true },
        ),
      /plugin demo load failed: rpc error: code = Internal desc = disk%20is%20full %zz/,
    ],
    [
      "answers with a status that does not exist",
      (stream) => stream.respond({ ...grpcHead, "grpc-status": "99" }, { endStream: true }),
      /rpc error: code = Unknown desc = /,
    ],
    [
      "answers with a page",
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "text/html" });
        stream.end("<html>secret</html>");
      },
      /code = Unknown desc = unexpected content-type "text\/html": this is no gRPC$/,
    ],
    [
      "answers as a proxy does",
      (stream) => {
        stream.respond({ ":status": 403, "content-type": "text/html" });
        stream.end("<html>secret</html>");
      },
      /code = PermissionDenied desc = unexpected HTTP status code received from server: 403$/,
    ],
    [
      "sends a number that never ends",
      (stream) => respond(stream, frame(Buffer.from([8, ...Array.from({ length: 20 }, () => 0xff)]))),
      /a number is longer than 10 bytes/,
    ],
    [
      "sends a field that is longer than its message",
      (stream) => respond(stream, frame(Buffer.from([18, 100, 65]))),
      /a field is longer than the message/,
    ],
    [
      "sends a field of another type",
      (stream) => respond(stream, frame(Buffer.from([10, 1, 65]))),
      /field 1 is of another type/,
    ],
    [
      "sends text that is none",
      (stream) => respond(stream, frame(Buffer.from([18, 1, 0xff]))),
      /field 2 is text that is not UTF-8/,
    ],
    [
      "resets the call",
      (stream) => stream.close(2),
      /plugin demo load failed: rpc error: code = Unavailable desc = /,
    ],
  ];
  for (const [what, answer, expected] of answers) {
    it(`fails the load and says why when it ${what}`, async (t) => {
      const setup = await setUp(t);
      await startHttp2(t, setup.socketPath, answer);

      await assert.rejects(load(setup), (error: Error) => {
        assert.ok(isExecutorError(error), String(error));
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    });
  }

  it("says that a load failed that was not called a success, whatever else it says", async (t) => {
    const setup = await setUp(t);
    await startHttp2(t, setup.socketPath, (stream) => respond(stream, frame(Buffer.alloc(0))));

    await assert.rejects(load(setup), /^ExecutorError: plugin demo load failed: the plugin gave no reason$/);
  });

  it("reads nothing through a link that it left in place of a file", async (t) => {
    const setup = await setUp(t);
    writeFileSync(join(setup.folder, "secret"), "of this container");
    await startHttp2(t, setup.socketPath, (stream) => {
      symlinkSync(join(setup.folder, "secret"), join(setup.folder, "loaded"));
      respond(stream, success);
    });

    await assert.rejects(load(setup), /left neither file nor directory, but a link or a special file/);
  });

  it("says so when it called a load done and left nothing", async (t) => {
    const setup = await setUp(t);
    await startHttp2(t, setup.socketPath, (stream) => respond(stream, success));

    await assert.rejects(load(setup), /the plugin said it was done, and left nothing at/);
  });

  it("stops reading a stream of messages that say nothing", async (t) => {
    const setup = await setUp(t);
    let isOpen = true;
    await startHttp2(t, setup.socketPath, async (stream) => {
      stream.respond(grpcHead);
      stream.on("close", () => {
        isOpen = false;
      });
      while (isOpen) if (!stream.write(frame(Buffer.alloc(0)))) await setImmediate();
    });

    await assert.rejects(read(setup), /stream receive failed: 1001 messages without data/);
  });

  it("delivers what came before the error that a stream ends with, and then the error", async (t) => {
    const setup = await setUp(t);
    await startHttp2(t, setup.socketPath, (stream) =>
      respond(
        stream,
        Buffer.concat([
          frame(Buffer.from([10, 2, 0x68, 0x69])),
          frame(Buffer.from([26, 4, 0x6c, 0x6f, 0x73, 0x74])),
        ]),
      ),
    );

    await assert.rejects(read(setup), /plugin demo open stream failed: lost/);
  });

  it("takes a stream that ends without is_end for complete, as the protocol has it", async (t) => {
    const setup = await setUp(t);
    await startHttp2(t, setup.socketPath, (stream) =>
      respond(stream, frame(Buffer.from([10, 2, 0x68, 0x69]))),
    );

    assert.equal((await read(setup)).toString(), "hi");
  });

  it("does not take a stream for complete that breaks off", async (t) => {
    const setup = await setUp(t);
    await startHttp2(t, setup.socketPath, (stream) => {
      stream.respond(grpcHead);
      stream.write(frame(Buffer.from([10, 2, 0x68, 0x69])), () => stream.session?.destroy());
    });

    await assert.rejects(read(setup), /plugin demo stream receive failed: rpc error: code = Unavailable/);
  });

  for (const [what, speak] of [
    ["speaks HTTP/1", undefined],
    ["says nothing", () => {}],
    ["closes every connection", (socket: { end(): void }) => socket.end()],
    [
      "sends noise",
      (socket: { end(text: string): void }) => socket.end("SSH-2.0-OpenSSH_9.2\r\n".repeat(50)),
    ],
  ] as const) {
    it(`gives up after the connection timeout on a server that ${what}`, async (t) => {
      const setup = await setUp(t);
      if (speak) await startSocket(t, setup.socketPath, speak);
      else {
        const server = createServer((_request, response) => response.end("<html>hello</html>"));
        await new Promise<void>((done) => server.listen(setup.socketPath, done));
        t.after(() => server.close());
        t.after(() => server.closeAllConnections());
      }

      await assert.rejects(load(setup), (error: Error) => {
        assert.match(
          error.message,
          /^failed to create plugin driver for demo: timeout waiting for plugin demo connection to become ready, last state: (CONNECTING|TRANSIENT_FAILURE) \(socket=".*\/demo\/socket"\)/,
        );
        return isExecutorError(error, "Timeout");
      });
    });
  }

  it("waits for a socket that comes late, and no longer than it has to", async (t) => {
    const setup = await setUp(t);
    const loading = load(setup);
    loading.catch(() => {});

    await startHttp2(t, setup.socketPath, (stream) => {
      writeFileSync(join(setup.folder, "loaded"), "late");
      respond(stream, success);
    });

    assert.equal(await loading, "file");
  });

  it("says which socket did not come", async (t) => {
    const setup = await setUp(t, { socketWaitMs: 100 });

    await assert.rejects(load(setup), (error: Error) => {
      assert.match(
        error.message,
        /failed to create plugin driver for demo: plugin demo expected unix socket at ".*" but it does not exist after waiting for \d+ seconds/,
      );
      return isExecutorError(error, "Timeout");
    });
  });

  it("does not wait for a plugin that has ended", async (t) => {
    const setup = await setUp(t, { socketWaitMs: 100_000 });
    const loading = load(setup);
    loading.catch(() => {});

    writeFileSync(join(setup.places.containers, "artifact-plugin-demo/exitcode"), "3");

    await assert.rejects(loading, /the plugin has ended with exit code 3; see the log of the container/);
  });

  it("does not wait where no plugin can make its socket", async (t) => {
    const setup = await setUp(t, { socketWaitMs: 100_000, sockets: "/nowhere/at/all" });

    await assert.rejects(load(setup), /this container shares no folder with the plugin/);
  });

  it("ends a load that never ends when it is told to", async (t) => {
    const setup = await setUp(t);
    const reached = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    await startHttp2(t, setup.socketPath, (stream) => {
      stream.on("aborted", () => cancelled.resolve());
      stream.on("close", () => cancelled.resolve());
      stream.resume();
      reached.resolve();
    });
    const stop = new AbortController();
    const stored = await setup.driver.open(artifact, stop.signal);
    assert.ok(stored.kind === "either");
    const path = join(setup.folder, "loaded");
    const loading = stored.loadTo({ path, seenBy: path });
    loading.catch(() => {});
    await reached.promise;

    stop.abort();

    await assert.rejects(loading);
    await cancelled.promise;
  });

  it("asks again after the connection broke, and no more often than the back-off says", async (t) => {
    const setup = await setUp(t);
    let calls = 0;
    await startHttp2(t, setup.socketPath, (stream) => {
      calls += 1;
      if (calls < 3) stream.session?.destroy();
      else respond(stream, success);
    });

    await setup.driver.delete(artifact, patience());

    assert.equal(calls, 3);
  });

  it("takes nothing for a plugin's name that would lead out of the folder of sockets", async (t) => {
    const { places } = await pluginFolders(t);
    mkdirSync(join(places.sockets, "x"), { recursive: true });
    const context = { ...surroundings(), plugins: places };

    for (const name of ["../x", "a/b", "", ".."]) {
      const location = { plugin: { name, configuration: "c", key: "k" } };
      await assert.rejects(
        openDriver(location, context),
        /plugin\.name must be the name of an artifact driver/,
      );
    }
  });

  it("never keeps two outputs in one place", async (t) => {
    const setup = await setUp(t);
    const held = Promise.withResolvers<void>();
    let saves = 0;
    await startHttp2(t, setup.socketPath, (stream, path) => {
      if (path.endsWith("GetCapabilities"))
        stream.respond({ ...grpcHead, "grpc-status": "12" }, { endStream: true });
      else {
        saves += 1;
        void held.promise.then(() => respond(stream, success));
      }
    });
    const save = () => setup.driver.saveFile(artifact, fileOf("f.tgz", "x"), patience());
    const first = save();
    while (saves === 0) await setImmediate();

    await assert.rejects(save(), /two output artifacts need .*\/artifacts\/f\.tgz/);

    held.resolve();
    await first;
    await save();
  });
});
