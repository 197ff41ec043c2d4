import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { join } from "node:path";

/**
 * The init container of an artifact plugin with one input. Its command publishes the socket of a plugin that runs
 * elsewhere, `tmp/socket`: one that is there already would be taken for a dead plugin's.
 */
export const pluginInitRole = {
  args: [
    ...["artifact-plugin-init", "--plugin-name", "demo", "--", "sh", "-c"],
    "mv $ARGOEXEC_ROOT/tmp/socket $ARGOEXEC_ROOT/tmp/artifact-plugins/demo/socket; exec sleep 60",
  ],
  template: {
    container: {},
    inputs: {
      artifacts: [{ name: "in", path: "/in", plugin: { name: "demo", configuration: "c", key: "k" } }],
    },
  },
} as const;

/** A plugin that answers every Load with a small file. */
export async function servePlugin(root: string, socket: string): Promise<Http2Server> {
  const inputs = join(root, "argo/inputs/artifacts");
  mkdirSync(inputs, { recursive: true });
  // Field 1, success, is true.
  const server = grpcServer(Buffer.from([8, 1]), () =>
    writeFileSync(join(inputs, "in.tmp"), "from the plugin\n"),
  );
  server.listen(socket);
  await once(server, "listening");
  return server;
}

/** A collector of traces that takes everything. */
export async function serveCollector(): Promise<Http2Server> {
  const server = grpcServer(Buffer.alloc(0), () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Gives every call the same answer. */
function grpcServer(message: Buffer, act: () => void): Http2Server {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.resume();
    stream.on("end", () => {
      act();
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      // Uncompressed, and its length in four bytes.
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
    });
  });
  return server;
}
