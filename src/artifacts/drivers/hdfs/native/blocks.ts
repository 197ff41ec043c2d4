import { ExecutorError } from "../../../../errors/index.ts";
import type { Address } from "./pipe.ts";
import { Fields, Message } from "./wire.ts";

/** A data node; what is sent on to others is kept as it came. */
export interface DataNode {
  readonly raw: Buffer;
  readonly address: Address;
}

/** A block of a file, and who has it, or is to have it. */
export interface LocatedBlock {
  /** ExtendedBlockProto: pool, id and generation, which only nodes compare. */
  readonly raw: Buffer;
  readonly sizeBytes: number;
  /** Of its first byte in the file. */
  readonly offset: number;
  readonly nodes: readonly DataNode[];
  readonly isCorrupt: boolean;
  /** TokenProto: what the name node allows us there. */
  readonly token: Buffer;
  readonly storageTypes: readonly number[];
  readonly storageIds: readonly string[];
}

export function readLocatedBlock(fields: Fields): LocatedBlock {
  return {
    raw: fields.bytes(1),
    sizeBytes: fields.message(1).number(4),
    offset: fields.number(2),
    nodes: fields.all(3).map(readDataNode),
    isCorrupt: fields.flag(4),
    token: fields.bytes(5),
    storageTypes: fields.numbers(7),
    storageIds: fields.all(8).map(String),
  };
}

function readDataNode(raw: Buffer): DataNode {
  const id = new Fields(raw).message(1);
  const port = id.number(4);
  const host = id.text(1) || id.text(2);
  if (host === "" || port < 1 || port > 65_535)
    throw new ExecutorError("Corrupt", "the name node names a data node without an address");
  return { raw, address: { host, port } };
}

/** The block with the length that it has come to: of a single field the last value counts. */
export function withSize({ raw }: LocatedBlock, sizeBytes: number): Buffer {
  return Buffer.concat([raw, new Message().number(4, sizeBytes).finish()]);
}

/** ClientOperationHeaderProto. */
export function operationHeader({ raw, token }: LocatedBlock, clientName: string): Message {
  return new Message().bytes(1, new Message().bytes(1, raw).bytes(2, token)).text(2, clientName);
}

/** The version of the protocol that data nodes speak (DataTransferProtocol.DATA_TRANSFER_VERSION). */
const version = 28;
export const operations = { write: 80, read: 81 } as const;

export function operationHead(operation: number): Buffer {
  return Buffer.from([version >> 8, version & 0xff, operation]);
}

/** @throws what a data node's status means, by its number (DataTransferProtos.Status) */
export function expectSuccess(answer: Fields, during: string, node: Address): void {
  const status = answer.number(1);
  if (status === 0) return;
  const text = answer
    .text(5)
    .replace(/\p{Cc}/gu, " ")
    .slice(0, 500);
  const who = `${node.host}:${node.port}`;
  const words = `${during}: the data node ${who} refuses (status ${status})${text === "" ? "" : `: ${text}`}`;
  throw new ExecutorError("Transient", words);
}
