import { ExecutorError } from "../errors/index.ts";

/** Reads the fields of a message in the order in which they stand; a later value of a single field wins. */
export type FieldReader = Readonly<Record<number, (value: FieldValue) => void>>;

/** A field as it came: what it has to be, only the reader knows. */
export interface FieldValue {
  readonly number: number;
  /** Throws Corrupt where the field is of another wire type. */
  text(): string;
  bytes(): Buffer;
  flag(): boolean;
}

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const varintBytesMax = 10;

/**
 * Encodes a protobuf message (protobuf.dev, "Encoding"): fields with the default value of proto3 are left out, as
 * every encoder does.
 */
export class MessageWriter {
  readonly #parts: Buffer[] = [];

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return value.byteLength === 0 ? this : this.message(field, value);
  }

  /** Like `bytes`, but written though it is empty: a message that is there and one that is not are different things. */
  message(field: number, value: Uint8Array): this {
    this.#parts.push(varint((field << 3) | wireTypes.bytes), varint(value.byteLength), Buffer.from(value));
    return this;
  }

  /** An int32: negative numbers take ten bytes. */
  integer(field: number, value: number): this {
    if (value !== 0) this.#parts.push(varint((field << 3) | wireTypes.varint), varint(BigInt(value)));
    return this;
  }

  flag(field: number, value: boolean): this {
    return this.integer(field, Number(value));
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

/**
 * Hands each field of a message to its reader; unknown fields are skipped, as proto3 asks for.
 * @throws Corrupt for lengths that lead out of the message, wrong wire types, groups and text that is not UTF-8
 */
export function readMessage(message: Buffer, fields: FieldReader): void {
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let count = 0; count < varintBytesMax; count++) {
      const byte = message[at++];
      if (byte === undefined) throw corrupt("it ends in the middle of a number");
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < 0x80) return value;
    }
    throw corrupt("a number is longer than 10 bytes");
  };
  const take = (length: bigint): Buffer => {
    if (length > BigInt(message.length - at)) throw corrupt("a field is longer than the message");
    const bytes = message.subarray(at, at + Number(length));
    at += bytes.length;
    return bytes;
  };
  while (at < message.length) {
    const tag = number();
    const [field, type] = [Number(tag >> 3n), Number(tag & 7n)];
    if (field === 0) throw corrupt("a field has the number 0");
    const value = readValue(field, type, number, take);
    fields[field]?.(value);
  }
}

function readValue(
  field: number,
  type: number,
  number: () => bigint,
  take: (length: bigint) => Buffer,
): FieldValue {
  switch (type) {
    case wireTypes.varint: {
      const value = number();
      return { ...wrongType(field), flag: () => value !== 0n };
    }
    case wireTypes.bytes: {
      const bytes = take(number());
      return { ...wrongType(field), bytes: () => bytes, text: () => decodeText(field, bytes) };
    }
    case wireTypes.fixed64:
    case wireTypes.fixed32:
      take(type === wireTypes.fixed64 ? 8n : 4n);
      return wrongType(field);
    default:
      throw corrupt(`field ${field} has the wire type ${type}`);
  }
}

function wrongType(number: number): FieldValue {
  const refuse = (): never => {
    throw corrupt(`field ${number} is of another type than the service has it`);
  };
  return { number, text: refuse, bytes: refuse, flag: refuse };
}

function decodeText(field: number, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw corrupt(`field ${field} is text that is not UTF-8`);
  }
}

function corrupt(why: string): ExecutorError {
  return new ExecutorError("Corrupt", `the message cannot be read: ${why}`);
}
