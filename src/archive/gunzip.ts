import { pipeline } from "node:stream/promises";
import { gunzip as inflate } from "node:zlib";
import { mapAhead } from "../limits/index.ts";
import { byteStream } from "../streams/index.ts";
import { ByteReader } from "./byte-reader.ts";
import { checkPadding } from "./checked-stream.ts";
import { blocksInFlight } from "./deflate-blocks.ts";
import { corrupt, zlibError } from "./errors.ts";
import { DroppedBuffers } from "./garbage.ts";
import { gunzipNative } from "./gunzip-native.ts";
import { gunzipStream } from "./gunzip-stream.ts";
import { memberBytesMax, memberHeadBytes, memberLength, memberParts } from "./gzip-member.ts";
import { blockStatus, type NativeDeflate, openNativeDeflate, toFileStatus } from "./native-deflate.ts";
import { abortable } from "./read-tar.ts";
import { Shortcut, Written } from "./shortcut.ts";

/**
 * Decompresses gzip: any number of members in a row, zeros after the last one. Members of `gzip` come out of several
 * threads; from the first foreign one on, all is one stream, which only one thread can read. Throws Corrupt for damaged
 * or short input, and for anything but zeros behind the end. The source is destroyed when its reader ends early.
 */
export async function* gunzip(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  // Nobody opens this shortcut.
  yield* gunzipPieces(source, new Shortcut(), signal) as AsyncGenerator<Buffer, void, undefined>;
}

/** The same, but members that go into a file as a whole are written by those who inflate them, if they can. */
export async function* gunzipPieces(
  source: AsyncIterable<Uint8Array>,
  shortcut: Shortcut,
  signal: AbortSignal,
): AsyncGenerator<Buffer | Written, void, undefined> {
  const reader = new ByteReader(abortable(source, signal), signal);
  const native = openNativeDeflate();
  try {
    const hasOwn = memberLength(await reader.peek(memberHeadBytes)) !== undefined;
    const free: Buffer[] = [];
    const dropped = new DroppedBuffers();
    let startedBytes = 0;
    yield* mapAhead(ownMembers(reader, free), blocksInFlight(), async (member) => {
      const { sizeBytes } = memberParts(member);
      const start = startedBytes;
      startedBytes += sizeBytes;
      const written =
        native &&
        shortcut.take(start, sizeBytes, (fd, position) => inflateToFile(native, member, fd, position));
      const content = await (written ?? (native ? inflateNative(native, member) : inflateMember(member)));
      free.push(member);
      if (content instanceof Written) return content;
      dropped.note(content.length);
      return content;
    });
    const next = await reader.peek(2);
    if (hasOwn && !isGzip(next)) await expectPadding(reader);
    else if (native) yield* gunzipNative(native, reader);
    else yield* foreignMembers(reader, signal);
  } finally {
    await reader.close();
  }
}

function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** The members up to the first foreign one. Their memory is used again once it is in `free`: garbage is collected late. */
async function* ownMembers(reader: ByteReader, free: Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    const length = memberLength(await reader.peek(memberHeadBytes));
    if (length === undefined) return;
    let memory = free.pop();
    if (memory === undefined || memory.buffer.byteLength < length) {
      memory = Buffer.allocUnsafeSlow(Math.ceil(length * 1.25));
    }
    const member = Buffer.from(memory.buffer, 0, length);
    for (let filled = 0; filled < length; ) {
      filled += (await reader.needChunk(length - filled)).copy(member, filled);
    }
    yield member;
  }
}

async function inflateToFile(
  native: NativeDeflate,
  member: Buffer,
  fd: number,
  position: number,
): Promise<void> {
  const { deflated, ...content } = memberParts(member);
  if (content.sizeBytes > memberBytesMax) throw lengthError();
  switch (await native.inflateToFile(deflated, content, fd, position)) {
    case toFileStatus.done:
      return;
    case toFileStatus.damaged:
      throw damagedError();
    case toFileStatus.otherCrc:
      throw checkError();
    default:
      throw lengthError();
  }
}

async function inflateNative(native: NativeDeflate, member: Buffer): Promise<Buffer> {
  const { deflated, crc, sizeBytes } = memberParts(member);
  if (sizeBytes > memberBytesMax) throw lengthError();
  const content = Buffer.allocUnsafeSlow(sizeBytes);
  const result = await native.inflate(deflated, content);
  if (result.status === blockStatus.damaged) throw damagedError();
  const isWhole = result.status === blockStatus.done && result.usedBytes === deflated.length;
  if (!isWhole || result.madeBytes !== sizeBytes) throw lengthError();
  if (result.crc !== crc) throw checkError();
  return content;
}

async function inflateMember(member: Buffer): Promise<Buffer> {
  const { sizeBytes } = memberParts(member);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  if (sizeBytes > memberBytesMax) throw lengthError();
  // One byte more than there will be: one trip to the pool sees the end, too.
  const options = { chunkSize: Math.max(64, sizeBytes + 1), maxOutputLength: Math.max(1, sizeBytes) };
  inflate(member, options, (error, content) => {
    if (error) reject(error instanceof RangeError ? lengthError() : zlibError(error));
    else if (content.length !== sizeBytes) reject(lengthError());
    else resolve(content);
  });
  return promise;
}

function damagedError(): Error {
  return corrupt("gzip: a member does not decompress; the file is damaged or was not stored completely");
}

function checkError(): Error {
  return corrupt("gzip: incorrect data check; the file is damaged");
}

function lengthError(): Error {
  return corrupt("gzip: the length of a member is not what it says; the file is damaged");
}

async function expectPadding(reader: ByteReader): Promise<void> {
  for (let bytes = await reader.chunk(Infinity); bytes; bytes = await reader.chunk(Infinity)) {
    const error = checkPadding(bytes, "gzip");
    if (error) throw error;
  }
}

async function* foreignMembers(
  reader: ByteReader,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const plain = gunzipStream();
  const piping = pipeline(byteStream(reader.rest()), plain, { signal });
  // A failure of the pipe reaches the loop below as the stream's own.
  const ended = piping.catch(() => undefined);
  try {
    for await (const chunk of plain) yield chunk as Buffer;
  } finally {
    plain.destroy();
    await ended;
  }
}
