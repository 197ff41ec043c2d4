import { createHash, type Hash } from "node:crypto";
import { crc32 } from "../addon/index.ts";
import { ExecutorError } from "../errors/index.ts";
import type { KnownDigests } from "../http/index.ts";
import type { ObjectAttributes, ObjectInfo, ObjectStore, ReadAnswer, StoredDigest } from "./object-store.ts";
import type { Channel } from "./session.ts";

/**
 * Checks the bytes of a whole object, which come in order, against the best that its store knows of them: the SHA-256
 * that was left with it, the MD5 that its tag is, or the CRC-32 that the store has kept of an object in parts.
 */
export class Verification {
  readonly #store: ObjectStore;
  readonly #info: ObjectInfo;
  readonly #channel: Channel;
  readonly #signal: AbortSignal;
  #answer: ReadAnswer = { provesMd5: true, sha256: undefined };
  #hasHeard = false;
  #check: Check | undefined;

  constructor(store: ObjectStore, info: ObjectInfo, channel: Channel, signal: AbortSignal) {
    this.#store = store;
    this.#info = info;
    this.#channel = channel;
    this.#signal = signal;
  }

  /** Takes what the answer to a read says; it counts if it comes before the first byte. */
  heard(answer: ReadAnswer): void {
    this.#answer = answer;
    this.#hasHeard = true;
  }

  /** What the store says the bytes are known by, whether they were shown here or not: for whoever compares them. */
  get digests(): KnownDigests {
    const { provesMd5, sha256 } = this.#answer;
    const md5 = this.#hasHeard && provesMd5 ? this.#info.md5 : undefined;
    return {
      ...(md5 !== undefined && { md5: Buffer.from(md5, "hex") }),
      ...(sha256 !== undefined && { sha256: Buffer.from(sha256, "hex") }),
    };
  }

  /** False before an answer has come: bytes that are shown before that are checked by what the listing says alone. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** What the store keeps beside the bytes, as far as the answers to reads told. */
  get attributes(): ObjectAttributes | undefined {
    return this.#answer.attributes;
  }

  update(bytes: Uint8Array): void {
    this.#check ??= this.#chooseCheck();
    this.#check.update(bytes);
  }

  /** Throws Corrupt unless what came is what was stored, as far as the store knows. */
  async verify(): Promise<void> {
    const difference = await this.#check?.difference();
    if (difference === undefined) return;
    const { key } = this.#info;
    throw new ExecutorError(
      "Corrupt",
      `${key}: the ${difference} of what arrived is not the stored object's`,
    );
  }

  #chooseCheck(): Check {
    const { provesMd5, sha256, digest } = this.#answer;
    if (sha256 !== undefined) return new HashCheck("sha256", sha256);
    if (digest !== undefined) return new StoredDigestCheck(digest);
    const { md5 } = this.#info;
    if (md5 !== undefined && provesMd5) return new HashCheck("md5", md5);
    return new CrcCheck(this.#keptCrc32());
  }

  /** Failing to learn it is no failure of the download: identities may not ask, and stores may not understand. */
  async #keptCrc32(): Promise<number | undefined> {
    try {
      const ask = async () => await this.#store.crc32?.(this.#info, this.#signal);
      return await this.#channel.request(ask, this.#signal);
    } catch {
      return undefined;
    }
  }
}

interface Check {
  update(bytes: Uint8Array): void;
  /** Undefined where all is well, else the name of what differs. */
  difference(): Promise<string | undefined>;
}

class HashCheck implements Check {
  readonly #name: "md5" | "sha256";
  readonly #expected: string;
  readonly #hash: Hash;

  constructor(name: "md5" | "sha256", expected: string) {
    this.#name = name;
    this.#expected = expected;
    this.#hash = createHash(name);
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  async difference(): Promise<string | undefined> {
    if (this.#hash.digest("hex") === this.#expected) return undefined;
    return this.#name === "md5" ? "MD5" : "SHA-256";
  }
}

class StoredDigestCheck implements Check {
  readonly #digest: StoredDigest;
  readonly #running: ReturnType<StoredDigest["start"]>;

  constructor(digest: StoredDigest) {
    this.#digest = digest;
    this.#running = digest.start();
  }

  update(bytes: Uint8Array): void {
    this.#running.update(bytes);
  }

  async difference(): Promise<string | undefined> {
    return this.#running.value() === this.#digest.expected ? undefined : this.#digest.name;
  }
}

/** The store is asked while the bytes come; once it is known to have no CRC-32, none is computed. */
class CrcCheck implements Check {
  readonly #expected: Promise<number | undefined>;
  #isWanted = true;
  #value = 0;

  constructor(expected: Promise<number | undefined>) {
    this.#expected = expected;
    void expected.then((value) => {
      this.#isWanted = value !== undefined;
    });
  }

  update(bytes: Uint8Array): void {
    if (this.#isWanted) this.#value = crc32(bytes, this.#value);
  }

  async difference(): Promise<string | undefined> {
    const expected = await this.#expected;
    return expected === undefined || expected === this.#value ? undefined : "CRC-32";
  }
}
