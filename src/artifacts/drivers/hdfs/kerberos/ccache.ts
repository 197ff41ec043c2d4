import { ExecutorError } from "../../../../errors/index.ts";
import { toKey } from "./encryption.ts";
import type { Principal } from "./principal.ts";
import type { Ticket } from "./ticket.ts";

/**
 * The tickets of a credential cache file (MIT's FILE format, version 4) that are good for AES; what has ended is left out.
 * @throws BadRequest for what is none, or has no ticket that helps.
 */
export function readCcache(bytes: Buffer, nowMs = Date.now()): readonly Ticket[] {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0x0504)
    throw new ExecutorError("BadRequest", "hdfs.krbCCacheSecret holds no credential cache (file, version 4)");
  const tickets: Ticket[] = [];
  let hasEnded = false;
  try {
    const reader = new Reader(bytes.subarray(4 + bytes.readUInt16BE(2)));
    reader.principal();
    while (!reader.isAtEnd) {
      const ticket = readCredential(reader);
      if (ticket === undefined) continue;
      if (ticket.endsAtMs <= nowMs) hasEnded = true;
      else tickets.push(ticket);
    }
  } catch (cause) {
    throw new ExecutorError("BadRequest", "hdfs.krbCCacheSecret holds a damaged credential cache", { cause });
  }
  if (tickets.length > 0) return tickets;
  const why = hasEnded ? "no ticket that has not ended" : "no ticket with an AES key";
  throw new ExecutorError("Unauthorized", `hdfs.krbCCacheSecret holds ${why}; renew it with kinit`);
}

/** Undefined for what is configuration, or encrypted otherwise. */
function readCredential(reader: Reader): Ticket | undefined {
  const client = reader.principal();
  const service = reader.principal();
  const type = reader.number(2);
  const key = toKey(type, reader.data());
  reader.skip(8);
  const endsAtMs = reader.number(4) * 1000;
  // The last time to renew, whether it is a session's, and flags.
  reader.skip(9);
  for (let list = 0; list < 2; list += 1) {
    for (let left = reader.number(4); left > 0; left -= 1) {
      reader.skip(2);
      reader.data();
    }
  }
  const ticket = Buffer.from(reader.data());
  reader.data();
  const isConfiguration = service.realm === "X-CACHECONF:";
  if (isConfiguration || key === undefined) return undefined;
  return { client, service, key, ticket, endsAtMs };
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(length: 2 | 4): number {
    this.#at += length;
    return this.#bytes.readUIntBE(this.#at - length, length);
  }

  skip(length: number): void {
    this.#at += length;
  }

  data(): Buffer {
    const length = this.number(4);
    if (this.#at + length > this.#bytes.length) throw new RangeError("beyond the end");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  principal(): Principal {
    this.skip(4);
    const count = this.number(4);
    if (count > 100) throw new RangeError("too many names");
    const realm = this.data().toString();
    return { realm, names: Array.from({ length: count }, () => this.data().toString()) };
  }
}
