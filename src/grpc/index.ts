export { type CallOptions, connectGrpc, GrpcChannel, type GrpcTarget, grpcDefaults } from "./channel.ts";
export { rpcError } from "./status.ts";
export { type FieldReader, MessageWriter, readMessage } from "./wire.ts";
