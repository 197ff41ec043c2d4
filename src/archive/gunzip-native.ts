import type { ByteReader } from "./byte-reader.ts";
import { checkPadding } from "./checked-stream.ts";
import { corrupt } from "./errors.ts";
import { inflateSteps } from "./inflate-steps.ts";
import type { NativeDeflate } from "./native-deflate.ts";

/** Bits of a member's flags (RFC 1952 2.3.1); the upper three are reserved. */
const flags = { headChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };
/** What a name or a comment may take: nobody reads them. */
const textBytesMax = 1024 * 1024;

/**
 * Decompresses all that is left in the reader with ISA-L on one thread: gzip members in a row, zeros after the last
 * one. Throws Corrupt for damaged or short input, and for anything but zeros behind the end.
 */
export async function* gunzipNative(
  native: NativeDeflate,
  reader: ByteReader,
): AsyncGenerator<Buffer, void, undefined> {
  const next = () => reader.chunk(Infinity);
  for (;;) {
    await skipHead(reader);
    let sizeBytes = 0;
    const steps = inflateSteps(native, next);
    let step = await steps.next();
    try {
      for (; !step.done; step = await steps.next()) {
        sizeBytes += step.value.length;
        yield step.value;
      }
    } finally {
      // A reader that has enough leaves nothing under way.
      if (!step.done) await steps.return(undefined);
    }
    if (!step.value)
      throw corrupt("gzip: the compressed data is damaged or ends too early; store the file again");
    reader.unread(step.value.unused);
    const tail = await reader.need(8);
    if (tail.readUInt32LE(0) !== step.value.crc)
      throw corrupt("gzip: incorrect data check; the file is damaged");
    if (tail.readUInt32LE(4) !== sizeBytes % 2 ** 32)
      throw corrupt("gzip: incorrect length check; the file is damaged");
    const head = await reader.peek(2);
    if (head[0] !== 0x1f || head[1] !== 0x8b) break;
  }
  for (let bytes = await next(); bytes; bytes = await next()) {
    const error = checkPadding(bytes, "gzip");
    if (error) throw error;
  }
}

async function skipHead(reader: ByteReader): Promise<void> {
  const head = await reader.need(10);
  const flag = head.readUInt8(3);
  if (head.readUInt16BE(0) !== 0x1f8b) throw corrupt("gzip: incorrect header check; this is no gzip");
  if (head.readUInt8(2) !== 8 || (flag & flags.reserved) !== 0)
    throw corrupt("gzip: unknown compression method or header flags; the file is damaged");
  if (flag & flags.extra) await reader.skip((await reader.need(2)).readUInt16LE(0));
  if (flag & flags.name) await skipText(reader);
  if (flag & flags.comment) await skipText(reader);
  if (flag & flags.headChecksum) await reader.need(2);
}

/** Up to a zero byte. */
async function skipText(reader: ByteReader): Promise<void> {
  for (let skipped = 0; skipped <= textBytesMax; ) {
    const bytes = await reader.needChunk(4096);
    const end = bytes.indexOf(0);
    if (end >= 0) return reader.unread(bytes.subarray(end + 1));
    skipped += bytes.length;
  }
  throw corrupt("gzip: a name or comment is longer than 1 MiB; the file is damaged");
}
