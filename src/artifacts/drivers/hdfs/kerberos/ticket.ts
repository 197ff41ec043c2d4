import { randomInt } from "node:crypto";
import { applicationTag, der, field, flags32, integer, octets, oid, sequence, text, time } from "./der.ts";
import { checksum, type EncryptionKey, encrypt } from "./encryption.ts";
import { encodeName, type Principal } from "./principal.ts";

/** What lets a client in at a service: the ticket is for that alone to read, the key for both. */
export interface Ticket {
  readonly client: Principal;
  readonly service: Principal;
  readonly key: EncryptionKey;
  /** As it came. */
  readonly ticket: Buffer;
  readonly endsAtMs: number;
}

export interface Checksum {
  readonly type: number;
  readonly bytes: Buffer;
}

export function encodeEncrypted(key: EncryptionKey, usage: number, plain: Buffer): Buffer {
  return sequence(field(0, integer(key.type)), field(2, octets(encrypt(key, usage, plain))));
}

/** What a context that goes on after the ticket was shown has to remember of it. */
export interface Presentation {
  /** AP-REQ's options. */
  readonly flags: number;
  readonly stamp: { readonly nowMs: number; readonly micros: number; readonly sequence: number };
}

/** AP-REQ (RFC 4120 section 5.5.1): who shows it has the ticket's key, now. */
export function presentTicket(
  { client, key, ticket }: Ticket,
  usage: number,
  sum: Checksum,
  { flags, stamp }: Presentation = { flags: 0, stamp: newStamp() },
): Buffer {
  const authenticator = der(
    applicationTag(2),
    sequence(
      field(0, integer(5)),
      field(1, text(client.realm)),
      field(2, encodeName(client.names, 1)),
      field(3, sequence(field(0, integer(sum.type)), field(1, octets(sum.bytes)))),
      field(4, integer(stamp.micros)),
      field(5, time(stamp.nowMs)),
      field(7, integer(stamp.sequence)),
    ),
  );
  return der(
    applicationTag(14),
    sequence(
      field(0, integer(5)),
      field(1, integer(14)),
      field(2, flags32(flags)),
      field(3, ticket),
      field(4, encodeEncrypted(key, usage, authenticator)),
    ),
  );
}

/** Services refuse what they have seen; two within a millisecond must differ. */
export function newStamp(): Presentation["stamp"] {
  const nowMs = Date.now();
  return { nowMs, micros: (nowMs % 1000) * 1000 + randomInt(1000), sequence: randomInt(2 ** 30) };
}

/** The checksum of the request that the ticket-granting service is to answer (RFC 4120 section 5.4.1). */
export function sumOf(key: EncryptionKey, usage: number, content: Buffer): Checksum {
  return checksum(key, usage, content);
}

export const kerberosOid = "2a864886f712010202";
const spnegoOid = "2b0601050502";
/** RFC 4121 section 4.1.1: no channel bindings, and none of the flags. */
const gssSum: Checksum = {
  type: 0x8003,
  bytes: Buffer.concat([Buffer.from([16, 0, 0, 0]), Buffer.alloc(20)]),
};

/** The value of `Authorization: Negotiate` (RFC 4559) that shows a ticket, wrapped by GSS-API and SPNEGO (RFC 4178). */
export function negotiateToken(ticket: Ticket, usage: number): string {
  const request = presentTicket(ticket, usage, gssSum);
  const inner = der(applicationTag(0), oid(kerberosOid), Buffer.from([1, 0]), request);
  const init = sequence(field(0, sequence(oid(kerberosOid))), field(2, octets(inner)));
  return der(applicationTag(0), oid(spnegoOid), field(0, init)).toString("base64");
}
