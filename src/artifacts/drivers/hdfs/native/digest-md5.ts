import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { ExecutorError } from "../../../../errors/index.ts";

/** How strongly the bytes after the negotiation are protected, the weakest first. */
export const qualities = ["auth", "auth-int", "auth-conf"] as const;
export type Quality = (typeof qualities)[number];

/** Wraps messages for the other side and opens its own; undefined: they go as they are. */
export interface Seal {
  wrap(message: Buffer): Buffer;
  /** @throws Unauthorized for what the other side has not wrapped, or what comes out of its order */
  unwrap(message: Buffer): Buffer;
}

export interface DigestCredentials {
  readonly username: string;
  readonly password: string;
  /** `service/host`. */
  readonly uri: string;
}

const macBytes = 10;
const blockBytes = 8;
const zeros = "0".repeat(32);

/**
 * DIGEST-MD5 (RFC 2831) as data nodes want it: the answer to their challenge, the check of theirs, and the layers of
 * integrity and of confidentiality by 3DES, which is the strongest cipher that they know.
 */
export class DigestMd5 {
  readonly #credentials: DigestCredentials;
  readonly #nonce: string;
  readonly #clientNonce: string;
  readonly #realm: string;
  readonly #secret: Buffer;
  readonly quality: Quality;

  /** @throws Unauthorized where the challenge is none, or offers less than `least` */
  constructor(
    credentials: DigestCredentials,
    challenge: string,
    least: Quality,
    clientNonce: string = randomBytes(16).toString("base64"),
  ) {
    this.#clientNonce = clientNonce;
    const { username, password } = credentials;
    const said = readDirectives(challenge);
    this.#credentials = credentials;
    this.#nonce = said.get("nonce") ?? "";
    this.#realm = said.get("realm") ?? "";
    const offered = (said.get("qop") ?? "auth").split(",").map((each) => each.trim());
    const quality = qualities.findLast((each) => offered.includes(each));
    const isStrong = quality !== undefined && qualities.indexOf(quality) >= qualities.indexOf(least);
    if (this.#nonce === "" || said.get("algorithm") !== "md5-sess" || !isStrong)
      throw refused(`the data node offers ${offered.join(", ")}, ${least} is asked for`);
    if (quality === "auth-conf" && !(said.get("cipher") ?? "").split(",").includes("3des"))
      throw refused("the data node offers no 3DES");
    this.quality = quality;
    const outer = md5(`${username}:${this.#realm}:${password}`);
    this.#secret = md5(outer, `:${this.#nonce}:${this.#clientNonce}`);
  }

  /** The answer to the challenge. */
  response(): string {
    const { username, uri } = this.#credentials;
    const words = [
      "charset=utf-8",
      `username="${username}"`,
      `realm="${this.#realm}"`,
      `nonce="${this.#nonce}"`,
      "nc=00000001",
      `cnonce="${this.#clientNonce}"`,
      `digest-uri="${uri}"`,
      "maxbuf=65536",
      `response=${this.#proof("AUTHENTICATE")}`,
      `qop=${this.quality}`,
      ...(this.quality === "auth-conf" ? ['cipher="3des"'] : []),
    ];
    return words.join(",");
  }

  /** Reads what the other side proves itself with. */
  accept(answer: string): Seal | undefined {
    const proof = Buffer.from(readDirectives(answer).get("rspauth") ?? "");
    const expected = Buffer.from(this.#proof(""));
    if (proof.length !== expected.length || !timingSafeEqual(proof, expected))
      throw refused("the data node does not prove that it knows the block's token");
    if (this.quality === "auth") return undefined;
    return this.quality === "auth-int" ? integritySeal(this.#secret) : privacySeal(this.#secret);
  }

  #proof(method: string): string {
    const suffix = this.quality === "auth" ? "" : `:${zeros}`;
    const inner = md5(`${method}:${this.#credentials.uri}${suffix}`).toString("hex");
    const middle = `${this.#nonce}:00000001:${this.#clientNonce}:${this.quality}:${inner}`;
    return md5(`${this.#secret.toString("hex")}:${middle}`).toString("hex");
  }
}

/** RFC 2831 section 2.3: the message, its MAC, and which one it is. */
function integritySeal(secret: Buffer): Seal {
  const [ours, theirs] = signers(secret);
  return {
    wrap(message) {
      const { mac, trailer } = ours.next(message);
      return Buffer.concat([message, mac, trailer]);
    },
    unwrap(message) {
      const end = message.length - macBytes - 6;
      if (end < 0) throw refused("a message is too short");
      const plain = message.subarray(0, end);
      theirs.check(plain, message.subarray(end, end + macBytes), message.subarray(end + macBytes));
      return plain;
    },
  };
}

/** RFC 2831 section 2.4; the cipher goes on from one message to the next. */
function privacySeal(secret: Buffer): Seal {
  const [ours, theirs] = signers(secret);
  const words = (from: string, to: string) => `Digest H(A1) to ${from}-to-${to} sealing key magic constant`;
  const keyOf = (text: string) => {
    const key = md5(secret, text);
    return [desKeys(key), key.subarray(8)] as const;
  };
  const cipher = createCipheriv("des-ede3-cbc", ...keyOf(words("client", "server"))).setAutoPadding(false);
  const decipher = createDecipheriv("des-ede3-cbc", ...keyOf(words("server", "client"))).setAutoPadding(
    false,
  );
  return {
    wrap(message) {
      const { mac, trailer } = ours.next(message);
      const padding = blockBytes - ((message.length + macBytes) % blockBytes);
      const plain = Buffer.concat([message, Buffer.alloc(padding, padding), mac]);
      return Buffer.concat([cipher.update(plain), trailer]);
    },
    unwrap(message) {
      const end = message.length - 6;
      if (end < 2 * blockBytes || end % blockBytes !== 0) throw refused("a message has no whole blocks");
      const plain = decipher.update(message.subarray(0, end));
      const macAt = plain.length - macBytes;
      const padding = plain[macAt - 1] ?? 0;
      if (padding < 1 || padding > blockBytes || padding > macAt)
        throw refused("a message is padded wrongly");
      const content = plain.subarray(0, macAt - padding);
      theirs.check(content, plain.subarray(macAt), message.subarray(end));
      return content;
    },
  };
}

function signers(secret: Buffer) {
  const words = (from: string, to: string) =>
    `Digest session key to ${from}-to-${to} signing key magic constant`;
  return [
    new Signer(md5(secret, words("client", "server"))),
    new Signer(md5(secret, words("server", "client"))),
  ] as const;
}

/** MACs over messages and their numbers. */
class Signer {
  readonly #key: Buffer;
  #number = 0;

  constructor(key: Buffer) {
    this.#key = key;
  }

  next(message: Buffer): { readonly mac: Buffer; readonly trailer: Buffer } {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(this.#number);
    this.#number += 1;
    const mac = createHmac("md5", this.#key).update(number).update(message).digest().subarray(0, macBytes);
    return { mac, trailer: Buffer.concat([Buffer.from([0, 1]), number]) };
  }

  check(message: Buffer, mac: Buffer, trailer: Buffer): void {
    const expected = this.next(message);
    if (!expected.trailer.equals(trailer) || !timingSafeEqual(expected.mac, mac))
      throw refused("a message was changed on the way, or is not the next one");
  }
}

/** Two keys of 56 bits as 3DES takes them, the first one again as the third; parity is nobody's business. */
function desKeys(key: Buffer): Buffer {
  const [one, two] = [spread(key.subarray(0, 7)), spread(key.subarray(7, 14))];
  return Buffer.concat([one, two, one]);
}

function spread(bits: Buffer): Buffer {
  const value = BigInt(`0x${bits.toString("hex")}`);
  return Buffer.from(
    Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(49 - 7 * index)) & 0x7fn) << 1),
  );
}

/** `name=value` and `name="value"`, between commas. */
function readDirectives(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", quoted, plain = ""] of text.matchAll(
    /([a-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^,]*))/gi,
  ))
    found.set(name.toLowerCase(), quoted === undefined ? plain.trim() : quoted.replace(/\\(.)/g, "$1"));
  return found;
}

function md5(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function refused(why: string): ExecutorError {
  return new ExecutorError("Unauthorized", `data transfer is not protected as it has to be: ${why}`);
}
