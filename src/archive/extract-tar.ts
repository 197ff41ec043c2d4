import { closeSync, fchmodSync, futimesSync, writeSync } from "node:fs";
import { ExecutorError } from "../errors/index.ts";
import { close, fchmod, ftruncate, futimes, write } from "../files/index.ts";
import { CallPace } from "../limits/index.ts";
import { type ByteString, shown } from "./byte-string.ts";
import { Destination, type LinkPolicy } from "./destination.ts";
import { fileError } from "./errors.ts";
import { abortable } from "./read-tar.ts";
import { type Shortcut, Written } from "./shortcut.ts";
import { type SparseTarHeader, type TarLimits, TarReader, tarLimits } from "./tar-reader.ts";
import type { SparseMap } from "./tar-sparse.ts";
import { TaskPool } from "./task-pool.ts";

export interface ExtractOptions {
  /** Default: keep. Output trees with absolute links are common, and a link that nobody follows does no harm. */
  readonly links?: LinkPolicy | undefined;
  readonly limits?: TarLimits | undefined;
  /** Told of entries that are left out: devices, fifos and unknown types. */
  warn(message: string): void;
}

/** Files up to this size are written whole, several at a time; larger ones one after the other, chunk by chunk. */
const smallFileBytes = 128 * 1024;
const filesInFlight = 16;

/**
 * Unpacks a tar stream (not compressed) below `directory`, which exists (docs/contract/artifacts.md#6.5). File modes
 * and times and directory modes are restored, owners are not; a later entry of the same name replaces an earlier one.
 * Throws BadRequest for what would leave the directory, Corrupt for damage, TooLarge for limits and full disks; what
 * was unpacked until then stays there for the caller to remove.
 */
export async function extractTar(
  source: AsyncIterable<Uint8Array>,
  directory: string,
  options: ExtractOptions,
  signal: AbortSignal,
): Promise<void> {
  await extractPieces({ pieces: source, shortcut: undefined }, directory, options, signal);
}

/** A stream whose source may write large files itself, where a shortcut is shared with it. */
export interface TarPieces {
  readonly pieces: AsyncIterable<Uint8Array | Written>;
  readonly shortcut: Shortcut | undefined;
}

/** As `extractTar`. */
export async function extractPieces(
  { pieces, shortcut }: TarPieces,
  directory: string,
  options: ExtractOptions,
  signal: AbortSignal,
): Promise<void> {
  const reader = new TarReader(abortable(pieces, signal), options.limits ?? tarLimits, signal);
  const destination = new Destination(directory, options.links ?? "keep");
  const pool = new TaskPool<ByteString>(filesInFlight);
  const pace = new CallPace();
  try {
    for (let header = await reader.next(); header; header = await reader.next()) {
      await extractEntry(header, reader, { destination, pool, pace, shortcut, warn: options.warn });
    }
    await pool.drain();
    await destination.finish(signal);
  } finally {
    await pool.settle();
    await reader.close();
  }
}

/** What the entries of one archive are written with. */
interface Extraction {
  readonly destination: Destination;
  /** Writes small files, by their paths. */
  readonly pool: TaskPool<ByteString>;
  readonly pace: CallPace;
  readonly shortcut: Shortcut | undefined;
  readonly warn: ExtractOptions["warn"];
}

async function extractEntry(
  header: SparseTarHeader,
  reader: TarReader,
  extraction: Extraction,
): Promise<void> {
  const { destination, pool, warn } = extraction;
  const path = destination.resolve(header.path);
  if (pool.has(path)) await pool.drain();
  switch (header.type) {
    case "directory":
      return destination.makeDirectory(path, header.mode);
    case "file":
      if (path === "") throw illegalRoot(header);
      if (header.sparse || header.sizeBytes > smallFileBytes)
        return writeLargeFile(path, header, reader, extraction);
      return writeSmallFile(path, header, await reader.body(), extraction);
    case "symlink":
      if (path === "") throw illegalRoot(header);
      return destination.addSymlink(path, header.linkPath);
    case "hardlink":
      if (path === "") throw illegalRoot(header);
      await pool.drain();
      return destination.addHardLink(path, destination.resolve(header.linkPath));
    default:
      warn(`tar: ${shown(header.path)} is left out: it is a ${header.type.replace("-", " ")} entry`);
  }
}

/** At once where the file system is quick, else with others on the thread pool. */
async function writeSmallFile(
  path: ByteString,
  header: SparseTarHeader,
  content: Buffer,
  { destination, pool, pace }: Extraction,
): Promise<void> {
  if (pace.isQuick && pace.measure(() => writeFileNow(path, header, content, destination))) return;
  await pool.run(path, () =>
    withFile(path, header, destination, async (fd) => {
      if (content.length > 0) await write(fd, content, 0);
    }),
  );
}

/** False where it takes more than creating the file. */
function writeFileNow(
  path: ByteString,
  header: SparseTarHeader,
  content: Buffer,
  destination: Destination,
): boolean {
  const fd = destination.createFileNow(path, header.mode);
  if (fd === undefined) return false;
  try {
    for (let done = 0; done < content.length; ) done += writeSync(fd, content, done);
    if (destination.lacksBits(header.mode)) fchmodSync(fd, header.mode & 0o777);
    futimesSync(fd, Date.now() / 1000, header.mtimeSeconds);
  } catch (error) {
    throw fileError(error, `write ${shown(path)}`);
  } finally {
    closeSync(fd);
  }
  return true;
}

async function writeLargeFile(
  path: ByteString,
  header: SparseTarHeader,
  reader: TarReader,
  { destination, shortcut }: Extraction,
): Promise<void> {
  await withFile(path, header, destination, async (fd) => {
    if (header.sparse === undefined) {
      const start = reader.takenBytes;
      await using _ = shortcut?.open({ start, end: start + header.sizeBytes, fd });
      return await writeBody(fd, [{ offset: 0, length: header.sizeBytes }], reader);
    }
    await writeBody(fd, header.sparse.segments, reader);
    await ftruncate(fd, header.sparse.sizeBytes);
  });
}

/** One write is under way while the next piece is read; what comes as `Written` is there already. */
async function writeBody(fd: number, segments: SparseMap["segments"], reader: TarReader): Promise<void> {
  let writing = Promise.resolve();
  try {
    for (const { offset, length } of segments) {
      for (let done = 0; done < length; ) {
        const [piece] = await Promise.all([reader.piece(length - done), writing]);
        if (!piece) break;
        if (piece instanceof Written) {
          done += piece.sizeBytes;
          continue;
        }
        writing = write(fd, piece, offset + done);
        // Awaited with the next piece; until then a failure must not count as unhandled.
        writing.catch(() => {});
        done += piece.length;
      }
    }
    await writing;
  } finally {
    // The descriptor may be another file's soon.
    await writing.catch(() => {});
  }
}

async function withFile(
  path: ByteString,
  header: SparseTarHeader,
  destination: Destination,
  fill: (fd: number) => Promise<void>,
): Promise<void> {
  const fd = await destination.createFile(path, header.mode);
  try {
    await fill(fd);
    if (destination.lacksBits(header.mode)) await fchmod(fd, header.mode & 0o777);
    await futimes(fd, Date.now() / 1000, header.mtimeSeconds);
  } catch (error) {
    throw fileError(error, `write ${shown(path)}`);
  } finally {
    await close(fd);
  }
}

function illegalRoot(header: SparseTarHeader): ExecutorError {
  return new ExecutorError(
    "BadRequest",
    `illegal file path: ${shown(header.path)} is the directory that is unpacked into`,
  );
}
