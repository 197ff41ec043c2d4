// A plugin that is one file, for root folders without anything: node server.cjs SOCKET. It answers Load only, with a
// file that tells of the key. Its gRPC is grpc-js.
import { writeFileSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";
import { readMessage } from "../../src/grpc/wire.ts";

const raw = (bytes: Buffer) => bytes;
const service = {
  Load: {
    path: "/artifact.ArtifactService/Load",
    requestStream: false,
    responseStream: false,
    ...{ requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw },
  },
};

const server = new grpc.Server();
server.addService(service as unknown as grpc.ServiceDefinition, {
  Load: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
    let [path, key] = ["", ""];
    readMessage(call.request, {
      1: (artifact) =>
        readMessage(artifact.bytes(), {
          5: (plugin) =>
            readMessage(plugin.bytes(), {
              4: (value) => {
                key = value.text();
              },
            }),
        }),
      2: (value) => {
        path = value.text();
      },
    });
    writeFileSync(path, `content of ${key}`);
    done(null, Buffer.from([8, 1]));
  },
});
process.on("SIGTERM", () => server.forceShutdown());
server.bindAsync(`unix:${process.argv[2]}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
