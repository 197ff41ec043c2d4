import { ExecutorError } from "../../../../errors/index.ts";

/** A value as DER writes it (X.690): what is inside is read when it is asked for. */
export interface DerValue {
  /** The identifier octet. */
  readonly tag: number;
  readonly content: Buffer;
  /** Identifier, length and content. */
  readonly whole: Buffer;
}

export const applicationTag = (number: number): number => 0x60 | number;
export const contextTag = (number: number): number => 0xa0 | number;
const tags = { integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, time: 0x18, text: 0x1b, sequence: 0x30 };

export function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const value = Buffer.concat(content);
  const { length } = value;
  const size: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) size.unshift(rest & 0xff);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | size.length, ...size];
  return Buffer.concat([Buffer.from(head), value]);
}

export const sequence = (...content: readonly Buffer[]): Buffer => der(tags.sequence, ...content);
/** A field of a sequence, by its number. */
export const field = (number: number, content: Buffer): Buffer => der(contextTag(number), content);
export const octets = (bytes: Buffer): Buffer => der(tags.octets, bytes);
export const text = (value: string): Buffer => der(tags.text, Buffer.from(value));
export const flags32 = (value: number): Buffer => {
  const bits = Buffer.alloc(5);
  bits.writeUInt32BE(value >>> 0, 1);
  return der(tags.bits, bits);
};

/** Not negative. */
export function integer(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256))
    bytes.unshift(rest % 256);
  return der(tags.integer, Buffer.from((bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes));
}

/** KerberosTime: seconds, UTC (RFC 4120 section 5.2.3). */
export function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/\D/g, "").slice(0, 14);
  return der(tags.time, Buffer.from(`${digits}Z`));
}

/** An object identifier in its hexadecimal content. */
export const oid = (hex: string): Buffer => der(tags.oid, Buffer.from(hex, "hex"));

/** Reads the one value that the bytes begin with. @throws Transient for what is no DER, or not all of it. */
export function readDer(bytes: Buffer, tag?: number): DerValue {
  const first = bytes[1] ?? 0;
  const sizeLength = first < 0x80 ? 0 : first & 0x7f;
  const start = 2 + sizeLength;
  if (bytes.length < start || sizeLength > 4 || first === 0x80) throw wrong();
  const length = sizeLength === 0 ? first : bytes.readUIntBE(2, sizeLength);
  const content = bytes.subarray(start, start + length);
  if (content.length !== length || (tag !== undefined && bytes[0] !== tag)) throw wrong();
  return { tag: bytes[0] ?? 0, content, whole: bytes.subarray(0, start + length) };
}

/** The values that follow one another in the content of another. */
export function* readAll(content: Buffer): Generator<DerValue> {
  for (let rest = content; rest.length > 0; ) {
    const value = readDer(rest);
    yield value;
    rest = rest.subarray(value.whole.length);
  }
}

/** A sequence whose fields have numbers. */
export class Fields {
  readonly #fields = new Map<number, Buffer>();

  constructor(whole: Buffer) {
    for (const { tag, content } of readAll(readDer(whole, tags.sequence).content))
      this.#fields.set(tag & 0x1f, content);
  }

  has(number: number): boolean {
    return this.#fields.has(number);
  }

  raw(number: number): Buffer {
    const content = this.#fields.get(number);
    if (content === undefined) throw wrong();
    return content;
  }

  fields(number: number): Fields {
    return new Fields(this.raw(number));
  }

  octets(number: number): Buffer {
    return readDer(this.raw(number), tags.octets).content;
  }

  text(number: number): string {
    return readDer(this.raw(number), tags.text).content.toString();
  }

  integer(number: number): number {
    const { content } = readDer(this.raw(number), tags.integer);
    if (content.length === 0 || content.length > 6) throw wrong();
    return content.readIntBE(0, content.length);
  }

  /** Milliseconds since the epoch. */
  time(number: number): number {
    const digits = readDer(this.raw(number), tags.time).content.toString("latin1");
    const atMs = Date.parse(digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
    if (Number.isNaN(atMs)) throw wrong();
    return atMs;
  }
}

function wrong(): ExecutorError {
  return new ExecutorError("Transient", "the answer is not Kerberos'");
}
