import { ExecutorError } from "../errors/index.ts";
import { close, futimes, write } from "../files/index.ts";
import { Bookkeeping } from "./bookkeeping.ts";
import { type ByteString, shown } from "./byte-string.ts";
import { Destination } from "./destination.ts";
import { corrupt, fileError } from "./errors.ts";
import type { ExtractOptions } from "./extract-tar.ts";
import { abortable } from "./read-tar.ts";
import { tarLimits } from "./tar-reader.ts";
import type { CentralRecord, LocalHeader } from "./zip-decode.ts";
import { ZipReader } from "./zip-reader.ts";

/**
 * What files are before the central directory names their mode, and stay if it does not
 * (docs/contract/artifacts.md#2.9).
 */
const fileMode = 0o666;
const linkType = 0o120000;
const typeMask = 0o170000;

/**
 * Unpacks a zip stream below `directory`, which exists, while it arrives (docs/contract/artifacts.md#6.6; parents are
 * 0755). Modes and links are known only from the central directory at its end: links are files until then. Throws
 * BadRequest for what would leave the directory, Corrupt for damage, and Unsupported for encrypted files, methods other
 * than deflate and stored, and stored files without a length in front, which no stream can delimit.
 */
export async function extractZip(
  source: AsyncIterable<Uint8Array>,
  directory: string,
  options: ExtractOptions,
  signal: AbortSignal,
): Promise<void> {
  const limits = options.limits ?? tarLimits;
  const destination = new Destination(directory, options.links ?? "keep");
  const reader = new ZipReader(abortable(source, signal), signal);
  const files = new Map<number, ByteString>();
  const latest = new Map<ByteString, number>();
  const names = new Bookkeeping();
  try {
    for (let header = await reader.nextFile(); header; header = await reader.nextFile()) {
      if (files.size >= limits.entriesMax) throw tooLarge("more entries", limits.entriesMax);
      if (header.name.length > limits.pathBytesMax)
        throw tooLarge(`a name (${shown(header.name)})`, limits.pathBytesMax);
      const path = destination.resolve(header.name);
      // The path is kept twice, as one text.
      names.keep(path);
      files.set(header.offset, path);
      latest.set(path, header.offset);
      await extractFile(path, header, reader, destination);
    }
    for (let record = await reader.nextRecord(); record; record = await reader.nextRecord()) {
      const path = files.get(record.localOffset);
      if (path === undefined || path !== destination.resolve(record.name)) throw contradiction(record.name);
      files.delete(record.localOffset);
      if (latest.get(path) === record.localOffset) await applyRecord(path, record, destination);
    }
    for (const path of files.values()) throw contradiction(path);
    await destination.finish(signal);
  } finally {
    await reader.close();
  }
}

async function extractFile(
  path: ByteString,
  header: LocalHeader,
  reader: ZipReader,
  destination: Destination,
): Promise<void> {
  if (header.name.endsWith("/")) {
    await destination.makeDirectory(path, 0o755);
    for await (const _ of reader.content(header))
      throw corrupt(`zip: directory ${shown(header.name)} has content`);
    return;
  }
  if (path === "") throw new ExecutorError("BadRequest", `${shown(header.name)}: Illegal file path`);
  const fd = await destination.createFile(path, fileMode);
  try {
    let at = 0;
    for await (const chunk of reader.content(header)) {
      await write(fd, chunk, at);
      at += chunk.length;
    }
    if (header.mtimeSeconds !== undefined) await futimes(fd, Date.now() / 1000, header.mtimeSeconds);
  } catch (error) {
    throw fileError(error, `write ${shown(path)}`);
  } finally {
    await close(fd);
  }
}

async function applyRecord(path: ByteString, record: CentralRecord, destination: Destination): Promise<void> {
  const { mode } = record;
  if (record.name.endsWith("/"))
    return mode === undefined ? undefined : destination.makeDirectory(path, mode);
  if (mode !== undefined && (mode & typeMask) === linkType) return destination.turnIntoSymlink(path);
  await destination.setFileMode(path, mode ?? fileMode);
}

/** A file that only one of the two lists knows is either hidden or missing. */
function contradiction(name: ByteString): ExecutorError {
  return corrupt(
    `zip: not a valid zip file: its central directory and its content disagree about ${shown(name)}`,
  );
}

function tooLarge(what: string, limit: number): ExecutorError {
  return new ExecutorError("TooLarge", `zip: ${what}; the limit is ${limit}`);
}
