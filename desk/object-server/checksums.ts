import { createHash, type Hash } from "node:crypto";
import { type CrcName, combineCrc, crcBytes, type RunningCrc, startCrc } from "./crc.ts";
import { Refusal } from "./refusal.ts";

/** The algorithms of the `x-amz-checksum-*` headers that this server verifies and keeps. */
export type ChecksumName = CrcName | "sha1" | "sha256";

/** Base64 values by algorithm, as the headers carry them. */
export type Checksums = Partial<Record<ChecksumName, string>>;

export const checksumNames: readonly ChecksumName[] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

export function checksumHeader(name: ChecksumName): string {
  return `x-amz-checksum-${name}`;
}

/** `CRC32C` and `crc32c` name the same algorithm; anything unknown is refused. */
export function checksumName(text: string): ChecksumName {
  const name = checksumNames.find((known) => known === text.toLowerCase());
  if (name === undefined) {
    throw new Refusal(400, "InvalidRequest", `Checksum algorithm provided is unsupported: ${text}`);
  }
  return name;
}

/** The MD5 of a body and whatever other checksums a request asks for, in one pass. */
export class BodyDigest {
  readonly #md5: Hash = createHash("md5");
  readonly #running = new Map<ChecksumName, RunningCrc | Hash>();
  #bytes = 0;

  constructor(names: Iterable<ChecksumName>) {
    for (const name of names) {
      this.#running.set(name, name === "sha1" || name === "sha256" ? createHash(name) : startCrc(name));
    }
  }

  update(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#md5.update(chunk);
    for (const running of this.#running.values()) running.update(chunk);
  }

  /** May be called once. */
  finish(): { readonly sizeBytes: number; readonly md5: Buffer; readonly checksums: Checksums } {
    const checksums: Checksums = {};
    for (const [name, running] of this.#running) {
      const bytes = "value" in running ? crcBytes(name as CrcName, running.value()) : running.digest();
      checksums[name] = bytes.toString("base64");
    }
    return { sizeBytes: this.#bytes, md5: this.#md5.digest(), checksums };
  }
}

/** The checksum of checksums that S3 gives an object made of parts, with the number of parts. */
export function compositeChecksum(name: ChecksumName, parts: readonly string[]): string {
  const digest = new BodyDigest([name]);
  for (const part of parts) digest.update(Buffer.from(part, "base64"));
  return `${digest.finish().checksums[name]}-${parts.length}`;
}

/** The checksum of the whole object from those of its parts. */
export function fullObjectChecksum(
  name: CrcName,
  parts: readonly { readonly checksum: string; readonly sizeBytes: number }[],
): string {
  let value = 0n;
  for (const part of parts) {
    const own = BigInt(`0x${Buffer.from(part.checksum, "base64").toString("hex")}`);
    value = combineCrc(name, value, own, part.sizeBytes);
  }
  return crcBytes(name, value).toString("base64");
}
