// A collector that takes everything, over HTTP and over gRPC on one port each: prints both, runs until its input ends.
import { createServer as createHttpServer } from "node:http";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

const web = createHttpServer((request, response) => {
  request.resume();
  request.on("end", () => response.end());
});
const grpc = createServer();
grpc.on("stream", (stream: ServerHttp2Stream) => {
  stream.resume();
  stream.on("end", () => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.alloc(5));
  });
});
web.listen(0, "127.0.0.1", () =>
  grpc.listen(0, "127.0.0.1", () =>
    console.log((web.address() as AddressInfo).port, (grpc.address() as AddressInfo).port),
  ),
);
process.stdin.on("end", () => process.exit()).resume();
