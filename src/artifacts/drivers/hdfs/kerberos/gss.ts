import { timingSafeEqual } from "node:crypto";
import { ExecutorError } from "../../../../errors/index.ts";
import { applicationTag, der, Fields, oid, readDer } from "./der.ts";
import { checksum, decrypt, type EncryptionKey, encrypt, toKey, usages } from "./encryption.ts";
import { kerberosOid, newStamp, presentTicket, type Ticket } from "./ticket.ts";

/** RFC 4121 section 2: what the two sides of a context use a key for. */
const sealUsages = { acceptor: 22, initiator: 24 } as const;
/** RFC 4121 section 4.1.1.1: mutual authentication, confidentiality and integrity. */
const contextFlags = 2 | 16 | 32;
const mutualRequired = 0x2000_0000;
const flags = { byAcceptor: 1, sealed: 2, acceptorSubkey: 4 } as const;
const headerBytes = 16;

/** A security context with a service (GSS-API with Kerberos, RFC 4121), from the side that begins it. */
export class GssContext {
  readonly #ticket: Ticket;
  readonly #stamp = newStamp();
  #key: EncryptionKey;
  #hasSubkey = false;
  #sent = this.#stamp.sequence;
  #received: bigint | undefined;

  constructor(ticket: Ticket) {
    this.#ticket = ticket;
    this.#key = ticket.key;
  }

  /** The token that begins it. */
  begin(): Buffer {
    const sum = Buffer.alloc(24);
    sum.writeUInt32LE(16);
    sum.writeUInt32LE(contextFlags, 20);
    const options = { flags: mutualRequired, stamp: this.#stamp };
    const request = presentTicket(this.#ticket, usages.authenticator, { type: 0x8003, bytes: sum }, options);
    return der(applicationTag(0), oid(kerberosOid), Buffer.from([1, 0]), request);
  }

  /** Reads the service's answer, which only who has the ticket's key can give. @throws Unauthorized */
  accept(token: Buffer): void {
    const inner = readDer(token, applicationTag(0)).content;
    const rest = inner.subarray(readDer(inner).whole.length);
    if (rest.readUInt16BE() !== 0x0200) throw unproven();
    const reply = new Fields(readDer(rest.subarray(2), applicationTag(15)).content);
    const plain = decrypt(this.#ticket.key, usages.apReply, reply.fields(2).octets(2));
    const part = new Fields(readDer(plain, applicationTag(27)).content);
    const { nowMs, micros } = this.#stamp;
    const isOurs = part.time(0) === Math.floor(nowMs / 1000) * 1000 && part.integer(1) === micros;
    if (!isOurs) throw unproven();
    if (!part.has(2)) return;
    const subkey = part.fields(2);
    const key = toKey(subkey.integer(0), subkey.octets(1));
    if (key === undefined) throw unproven();
    this.#key = key;
    this.#hasSubkey = true;
  }

  /** A message for the service, sealed or only signed (RFC 4121 section 4.2.6.2). */
  wrap(plain: Buffer, isSealed: boolean): Buffer {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt16BE(0x0504);
    header[2] = (isSealed ? flags.sealed : 0) | (this.#hasSubkey ? flags.acceptorSubkey : 0);
    header[3] = 0xff;
    header.writeBigUInt64BE(BigInt(this.#sent), 8);
    this.#sent += 1;
    const content = Buffer.concat([plain, header]);
    if (isSealed) return Buffer.concat([header, encrypt(this.#key, sealUsages.initiator, content)]);
    const { bytes } = checksum(this.#key, sealUsages.initiator, content);
    header.writeUInt16BE(bytes.length, 4);
    return Buffer.concat([header, plain, bytes]);
  }

  /** @throws Unauthorized for what the service has not wrapped, or what comes out of its order */
  unwrap(token: Buffer): Buffer {
    if (token.length < headerBytes || token.readUInt16BE() !== 0x0504 || token[3] !== 0xff) throw unproven();
    const [bits = 0] = token.subarray(2);
    const [extra, rotated] = [token.readUInt16BE(4), token.readUInt16BE(6)];
    if ((bits & flags.byAcceptor) === 0 || ((bits & flags.acceptorSubkey) !== 0) !== this.#hasSubkey)
      throw unproven();
    const header = Buffer.from(token.subarray(0, headerBytes));
    header.fill(0, 6, 8);
    const plain =
      (bits & flags.sealed) === 0
        ? this.#verified(header, turnedBack(token.subarray(headerBytes), rotated), extra)
        : this.#opened(header, turnedBack(token.subarray(headerBytes), rotated), extra);
    const sequence = header.readBigUInt64BE(8);
    if (this.#received !== undefined && sequence !== this.#received + 1n) throw unproven();
    this.#received = sequence;
    return plain;
  }

  #opened(header: Buffer, cipher: Buffer, extra: number): Buffer {
    const content = decrypt(this.#key, sealUsages.acceptor, cipher);
    const end = content.length - headerBytes;
    if (end < extra || !content.subarray(end).equals(header)) throw unproven();
    return content.subarray(0, end - extra);
  }

  #verified(header: Buffer, content: Buffer, sumBytes: number): Buffer {
    const plain = content.subarray(0, content.length - sumBytes);
    header.fill(0, 4, 6);
    const { bytes } = checksum(this.#key, sealUsages.acceptor, Buffer.concat([plain, header]));
    const sum = content.subarray(plain.length);
    if (sum.length !== bytes.length || !timingSafeEqual(sum, bytes)) throw unproven();
    return plain;
  }
}

/** Undoes the rotation to the right by so many bytes (RFC 4121 section 4.2.5). */
function turnedBack(content: Buffer, count: number): Buffer {
  const by = content.length === 0 ? 0 : count % content.length;
  return Buffer.concat([content.subarray(by), content.subarray(0, by)]);
}

function unproven(): ExecutorError {
  return new ExecutorError("Unauthorized", "Kerberos: the service's answer is not one that only it can give");
}
