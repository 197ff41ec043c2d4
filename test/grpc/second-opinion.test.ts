import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import { isExecutorError } from "../../src/errors/index.ts";
import { connectGrpc, MessageWriter, readMessage } from "../../src/grpc/index.ts";
import { noise, patience } from "../drivers/surroundings.ts";
import { frame, respond, startHttp2 } from "../plugins/hostile-server.ts";
import { pluginPython, startPlugin } from "../servers/artifact-plugin.ts";

const python = await pluginPython();
const raw = {
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
};
const echo = {
  Unary: { path: "/test.Echo/Unary", requestStream: false, responseStream: false, ...raw },
  Down: { path: "/test.Echo/Down", requestStream: false, responseStream: true, ...raw },
  Up: { path: "/test.Echo/Up", requestStream: true, responseStream: false, ...raw },
};

async function socketFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp("/tmp/grpc-");
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "socket");
}

/** grpc-js as server: what it takes from us, it takes from everyone. */
async function startGrpcJs(t: TestContext): Promise<string> {
  const socketPath = await socketFolder(t);
  const server = new grpc.Server({ "grpc.max_receive_message_length": 4 * 1024 * 1024 });
  server.addService(
    echo as unknown as grpc.ServiceDefinition,
    {
      Unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
        const text = call.request.toString();
        if (text === "missing") done({ code: grpc.status.NOT_FOUND, details: "no such thing: 100% gone ü" });
        else if (text === "metadata") done(null, Buffer.from(String(call.metadata.get("traceparent")[0])));
        else if (text !== "silence") done(null, call.request);
      },
      Down: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
        for (let index = 0; index < 64; index++) call.write(Buffer.alloc(100_000, index));
        call.end();
      },
      Up: (call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
        let size = 0;
        call.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (chunk.toString("latin1", 0, 4) === "stop")
            done({ code: grpc.status.ABORTED, details: "enough" });
        });
        call.on("end", () => done(null, Buffer.from(String(size))));
      },
    } as unknown as grpc.UntypedServiceImplementation,
  );
  await new Promise<void>((done, fail) =>
    server.bindAsync(`unix:${socketPath}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error ? fail(error) : done(),
    ),
  );
  t.after(() => server.forceShutdown());
  return socketPath;
}

async function connected(t: TestContext, socketPath: string, pings?: Parameters<typeof connectGrpc>[2]) {
  const channel = await connectGrpc({ socketPath }, patience(), pings);
  t.after(() => channel[Symbol.dispose]());
  return channel;
}

describe("our gRPC client with grpc-js as the server", () => {
  it("asks, with metadata, and reads the answer", async (t) => {
    const channel = await connected(t, await startGrpcJs(t));

    const answer = await channel.unary("/test.Echo/Unary", Buffer.from("hello"), {}, patience());
    const options = { metadata: { traceparent: "00-1-2-01" } };
    const metadata = await channel.unary("/test.Echo/Unary", Buffer.from("metadata"), options, patience());

    assert.equal(answer.toString(), "hello");
    assert.equal(metadata.toString(), "00-1-2-01");
  });

  it("keeps a hundred calls on one connection apart", async (t) => {
    const channel = await connected(t, await startGrpcJs(t));
    const sent = Array.from({ length: 100 }, (_, index) => noise(1000 + index * 997));

    const answers = await Promise.all(
      sent.map((bytes) => channel.unary("/test.Echo/Unary", bytes, {}, patience())),
    );

    answers.forEach((answer, index) => {
      assert.ok(answer.equals(sent[index] as Buffer));
    });
  });

  it("translates a status, its code and its text", async (t) => {
    const channel = await connected(t, await startGrpcJs(t));

    await assert.rejects(
      channel.unary("/test.Echo/Unary", Buffer.from("missing"), {}, patience()),
      (error: Error) => {
        assert.equal(error.message, "rpc error: code = NotFound desc = no such thing: 100% gone ü");
        return isExecutorError(error, "NotFound");
      },
    );
    await assert.rejects(channel.unary("/test.Echo/None", Buffer.alloc(0), {}, patience()), (error) =>
      isExecutorError(error, "Unsupported"),
    );
  });

  it("gives a call up when its deadline is over", async (t) => {
    const channel = await connected(t, await startGrpcJs(t));

    const silent = channel.unary("/test.Echo/Unary", Buffer.from("silence"), { timeoutMs: 50 }, patience());

    await assert.rejects(silent, (error) => isExecutorError(error, "Timeout"));
    assert.ok(channel.isOpen);
  });

  it("reads a stream of many messages, and lets go of one it has seen enough of", async (t) => {
    const channel = await connected(t, await startGrpcJs(t));

    const sizes: number[] = [];
    for await (const message of channel.call("/test.Echo/Down", Buffer.alloc(0), {}, patience())) {
      sizes.push(message.length);
    }
    for await (const _ of channel.call("/test.Echo/Down", Buffer.alloc(0), {}, patience())) break;
    const after = await channel.unary("/test.Echo/Unary", Buffer.from("still"), {}, patience());

    assert.deepEqual(
      sizes,
      Array.from({ length: 64 }, () => 100_000),
    );
    assert.equal(after.toString(), "still");
  });

  it("sends a stream of many messages", async (t) => {
    const channel = await connected(t, await startGrpcJs(t));
    const chunks = async function* () {
      for (let index = 0; index < 50; index++) yield Buffer.alloc(500_000, index);
    };

    const answer = await channel.clientStream("/test.Echo/Up", chunks(), {}, patience());

    assert.equal(answer.toString(), "25000000");
  });

  it("stops sending when the server has seen enough, and fails when the source does", async (t) => {
    const channel = await connected(t, await startGrpcJs(t));
    const endless = async function* () {
      yield Buffer.from("stop");
      for (;;) yield Buffer.alloc(100_000);
    };
    const broken = async function* () {
      yield Buffer.from("a");
      throw new Error("the disk is gone");
    };

    await assert.rejects(channel.clientStream("/test.Echo/Up", endless(), {}, patience()), /Aborted.*enough/);
    await assert.rejects(channel.clientStream("/test.Echo/Up", broken(), {}, patience()), /the disk is gone/);
  });
});

describe("pings", () => {
  const times = { pingIntervalMs: 20, pongTimeoutMs: 150 };

  it("leave a server alone that has a lot to do", async (t) => {
    const socketPath = await socketFolder(t);
    await startHttp2(t, socketPath, (stream) => {
      setTimeout(() => respond(stream, frame(Buffer.from("slow"))), 400);
    });
    const channel = await connected(t, socketPath, times);

    const answer = await channel.unary("/test.Echo/Unary", Buffer.alloc(0), {}, patience());

    assert.equal(answer.toString(), "slow");
  });

  it("find a plugin that was stopped with its sockets open", {
    skip: "missing" in python ? python.missing : false,
  }, async (t) => {
    const plugin = await startPlugin(t, "program" in python ? python.program : "");
    const socketPath = resolve(plugin.places.sockets, "demo/socket");
    while (!existsSync(socketPath)) await setImmediate();
    const channel = await connected(t, socketPath, times);

    plugin.signal("SIGSTOP");

    await assert.rejects(
      channel.unary("/artifact.ArtifactService/GetCapabilities", Buffer.alloc(0), {}, patience()),
      /Unavailable desc = keepalive ping failed/,
    );
  });
});

describe("grpc-js with our Python plugin as the server", {
  skip: "missing" in python ? python.missing : false,
}, () => {
  it("takes our messages for those of the protocol's description", async (t) => {
    const plugin = await startPlugin(t, "program" in python ? python.program : "");
    const socketPath = resolve(plugin.places.sockets, "demo/socket");
    const client = new grpc.Client(`unix:${socketPath}`, grpc.credentials.createInsecure());
    t.after(() => client.close());
    await new Promise<void>((done, fail) =>
      client.waitForReady(Date.now() + 20_000, (error) => (error ? fail(error) : done())),
    );
    const location = new MessageWriter()
      .text(1, "demo")
      .text(2, plugin.configuration)
      .integer(3, -1)
      .text(4, "not/there");
    const artifact = new MessageWriter().text(1, "a").message(5, location.finish()).flag(6, true);
    const request = new MessageWriter().message(1, artifact.finish()).finish();

    const answer = await new Promise<Buffer>((done, fail) =>
      client.makeUnaryRequest(
        "/artifact.ArtifactService/Delete",
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        request,
        (error, value) => (error ? fail(error) : done(value ?? Buffer.alloc(0))),
      ),
    );

    let isSuccess = false;
    readMessage(answer, {
      1: (value) => {
        isSuccess = value.flag();
      },
    });
    assert.ok(isSuccess);
  });
});
