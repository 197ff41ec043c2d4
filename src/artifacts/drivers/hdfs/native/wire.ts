import { ExecutorError } from "../../../../errors/index.ts";

/**
 * Protocol buffers as Hadoop speaks them (proto2): what is required is written whatever its value, and numbers have 64
 * bits, which are kept as they came. `src/grpc` reads and writes proto3.
 */
export class Message {
  readonly #parts: Buffer[] = [];

  number(field: number, value: number | bigint): this {
    this.#parts.push(varint(BigInt(field) << 3n), varint(BigInt(value)));
    return this;
  }

  /** A sint32 or sint64. */
  signed(field: number, value: number): this {
    return this.number(field, value < 0 ? -2 * value - 1 : 2 * value);
  }

  flag(field: number, value: boolean): this {
    return this.number(field, Number(value));
  }

  /** An sfixed64 or, for `4` bytes, an sfixed32. */
  fixed(field: number, value: number, length: 8 | 4): this {
    const bytes = Buffer.alloc(length);
    if (length === 8) bytes.writeBigInt64LE(BigInt(value));
    else bytes.writeInt32LE(value);
    this.#parts.push(varint((BigInt(field) << 3n) | (length === 8 ? 1n : 5n)), bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array | Message): this {
    const content = value instanceof Message ? value.finish() : Buffer.from(value);
    this.#parts.push(varint((BigInt(field) << 3n) | 2n), varint(BigInt(content.byteLength)), content);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** A message behind its length, as Java's writeDelimitedTo writes it. */
export function delimited(message: Message): Buffer {
  const content = message.finish();
  return Buffer.concat([varint(BigInt(content.byteLength)), content]);
}

function varint(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

/** A message that came. What is not there has the default of its type; of a single field the last one counts. */
export class Fields {
  readonly #numbers = new Map<number, bigint[]>();
  readonly #bytes = new Map<number, Buffer[]>();

  /** @throws Corrupt for lengths that lead out of the message, and wire types that nobody uses. */
  constructor(message: Buffer) {
    const reader = new Cursor(message);
    while (!reader.isAtEnd) {
      const tag = reader.varint();
      const field = Number(tag >> 3n);
      const type = Number(tag & 7n);
      if (type === 2) add(this.#bytes, field, reader.take(Number(reader.varint())));
      else if (type === 0) add(this.#numbers, field, reader.varint());
      else if (type === 1) add(this.#numbers, field, reader.take(8).readBigInt64LE());
      else if (type === 5) add(this.#numbers, field, BigInt(reader.take(4).readInt32LE()));
      else throw corrupt(`field ${field} has the wire type ${type}`);
    }
  }

  has(field: number): boolean {
    return this.#numbers.has(field) || this.#bytes.has(field);
  }

  /** @throws Corrupt for what is larger than a number of JavaScript's can say. */
  number(field: number): number {
    const value = Number(this.#numbers.get(field)?.at(-1) ?? 0n);
    if (!Number.isSafeInteger(value)) throw corrupt(`field ${field} is ${value}`);
    return value;
  }

  signed(field: number): number {
    const value = this.number(field);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** All numbers of a repeated field, packed or not. */
  numbers(field: number): readonly number[] {
    const single = (this.#numbers.get(field) ?? []).map(Number);
    const packed = this.all(field).flatMap((bytes) => {
      const reader = new Cursor(bytes);
      const found: number[] = [];
      while (!reader.isAtEnd) found.push(Number(reader.varint()));
      return found;
    });
    return [...single, ...packed];
  }

  flag(field: number): boolean {
    return this.number(field) !== 0;
  }

  bytes(field: number): Buffer {
    return this.#bytes.get(field)?.at(-1) ?? Buffer.alloc(0);
  }

  all(field: number): readonly Buffer[] {
    return this.#bytes.get(field) ?? [];
  }

  text(field: number): string {
    return this.bytes(field).toString();
  }

  message(field: number): Fields {
    return new Fields(this.bytes(field));
  }

  messages(field: number): readonly Fields[] {
    return this.all(field).map((bytes) => new Fields(bytes));
  }
}

/** Goes through the bytes of a message, or of several behind their lengths. */
export class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let count = 0n; count < 10n; count += 1n) {
      const byte = this.take(1).readUInt8();
      value |= BigInt(byte & 0x7f) << (7n * count);
      if (byte < 0x80) return value;
    }
    throw corrupt("a number is longer than 10 bytes");
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw corrupt("a field is longer than the message");
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  delimited(): Fields {
    return new Fields(this.take(Number(this.varint())));
  }
}

function add<Value>(fields: Map<number, Value[]>, field: number, value: Value): void {
  const known = fields.get(field);
  if (known === undefined) fields.set(field, [value]);
  else known.push(value);
}

function corrupt(why: string): ExecutorError {
  return new ExecutorError("Corrupt", `the answer is not Hadoop's: ${why}`);
}
