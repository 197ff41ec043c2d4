import { ExecutorError } from "../../../errors/index.ts";
import type { Payload } from "../../../http/index.ts";
import { crc64 } from "../../crc.ts";
import { forEachChunk } from "../../digests.ts";
import type { AnswerHead } from "../../read-checks.ts";

/** Where OSS names the CRC-64 of what it has got, or of the whole object, in decimal. */
export const crcHeader = "x-oss-hash-crc64ecma";

/** A CRC-64 that is computed as the bytes come. */
export function startCrc() {
  const { empty, update } = crc64();
  let crc = empty;
  return {
    update(bytes: Uint8Array) {
      crc = update(crc, bytes);
    },
    value: () => String(crc),
  };
}

export async function crcOf(payload: Payload): Promise<bigint> {
  const running = startCrc();
  await forEachChunk(payload, (chunk) => running.update(chunk));
  return BigInt(running.value());
}

/** A store that names another CRC than ours has got other bytes; what it has is written again. */
export function expectCrc(head: AnswerHead, ours: bigint, what: string): void {
  const theirs = head.header(crcHeader);
  if (theirs === undefined || theirs === String(ours)) return;
  throw new ExecutorError(
    "Transient",
    `${what}: the store received other bytes than were sent (CRC-64 differs)`,
  );
}
