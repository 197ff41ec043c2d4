import { chmod, mkdir, opendir, rename, rm, rmdir } from "node:fs/promises";
import { ExecutorError } from "../errors/index.ts";
import { writeNewFile } from "../files/index.ts";
import { ByteReader } from "./byte-reader.ts";
import { bytesOf, fsPath } from "./byte-string.ts";
import { detect, isTarInGzip, isTarInOwnZstd } from "./detect.ts";
import { fileError } from "./errors.ts";
import { type ExtractOptions, extractPieces, extractTar } from "./extract-tar.ts";
import { extractZip } from "./extract-zip.ts";
import { gunzipPieces } from "./gunzip.ts";
import { abortable } from "./read-tar.ts";
import { Shortcut } from "./shortcut.ts";
import { tarBlockBytes } from "./tar-header.ts";
import { unzstd } from "./unzstd.ts";

export type UnpackStrategy =
  /** gzip, or zstd of ours, around tar is unpacked; all else, plain tar and zip included, stays the file it is. */
  | "auto"
  /** tar, in gzip, in zstd, or plain. */
  | "tar"
  | "zip"
  /** Whatever it is, it stays a file. */
  | "none";

/**
 * Writes a stored object to `destination`, unpacking it on the way (docs/contract/artifacts.md#6.3 and #6.4): an
 * archive with exactly one entry at its top becomes that entry, any other a directory. Nothing is staged: archives are
 * unpacked into `<destination>.tmpdir`, plain files written to `<destination>.tmp`, and then renamed; left-overs of an
 * earlier attempt are removed first, and after a failure nothing is left. The parent directory exists; plain files are
 * 0644.
 */
export async function unpack(
  source: AsyncIterable<Uint8Array>,
  strategy: UnpackStrategy,
  destination: string,
  options: ExtractOptions,
  signal: AbortSignal,
): Promise<void> {
  const reader = new ByteReader(abortable(source, signal), signal);
  const file = `${destination}.tmp`;
  const directory = `${destination}.tmpdir`;
  try {
    await removeAll([file, directory]);
    const format = await chooseFormat(reader, strategy);
    if (format === "none") {
      await writeNewFile(reader.rest(), file, signal);
      await rename(file, destination);
    } else {
      await mkdir(directory);
      await chmod(directory, 0o777);
      await extract(format, reader, directory, options, signal);
      await moveIntoPlace(directory, destination);
    }
  } catch (error) {
    await removeAll([file, directory]);
    // A stream that is told to stop says AbortError; the reason says whether it was a deadline.
    signal.throwIfAborted();
    throw fileError(error, `unpack to ${destination}`);
  } finally {
    await reader.close();
  }
}

type Format = "none" | "tar" | "tar.gz" | "tar.zst" | "zip";

async function chooseFormat(reader: ByteReader, strategy: UnpackStrategy): Promise<Format> {
  if (strategy === "none") return "none";
  const detected = detect(await reader.peek(tarBlockBytes));
  switch (strategy) {
    case "auto":
      if (detected === "gzip" && (await isTarInGzip(reader))) return "tar.gz";
      return detected === "zstd" && (await isTarInOwnZstd(reader)) ? "tar.zst" : "none";
    case "tar":
      if (detected === "gzip") return "tar.gz";
      if (detected === "zstd") return "tar.zst";
      if (detected === "tar" || (await isEmptyTar(reader))) return "tar";
      throw new ExecutorError(
        "BadRequest",
        "gzip: invalid header: the artifact says archive.tar and is neither gzip, zstd nor tar",
      );
    case "zip":
      if (detected === "zip") return "zip";
      throw new ExecutorError(
        "BadRequest",
        "zip: not a valid zip file: the artifact says archive.zip and is something else",
      );
  }
}

async function isEmptyTar(reader: ByteReader): Promise<boolean> {
  const head = await reader.peek(tarBlockBytes);
  return head.length >= tarBlockBytes && head.subarray(0, tarBlockBytes).every((byte) => byte === 0);
}

async function extract(
  format: Exclude<Format, "none">,
  reader: ByteReader,
  directory: string,
  options: ExtractOptions,
  signal: AbortSignal,
): Promise<void> {
  if (format === "zip") return extractZip(reader.rest(), directory, options, signal);
  if (format === "tar") return extractTar(reader.rest(), directory, options, signal);
  if (format === "tar.zst") return extractTar(unzstd(reader.rest(), signal), directory, options, signal);
  const shortcut = new Shortcut();
  const pieces = gunzipPieces(reader.rest(), shortcut, signal);
  return extractPieces({ pieces, shortcut }, directory, options, signal);
}

/** The single-entry rule: one entry of whatever name becomes the destination, none or several stay a directory. */
async function moveIntoPlace(directory: string, destination: string): Promise<void> {
  const names: Buffer[] = [];
  for await (const entry of await opendir(directory, { encoding: "latin1" as BufferEncoding })) {
    names.push(Buffer.from(entry.name, "latin1"));
    if (names.length > 1) break;
  }
  const [only] = names;
  if (names.length === 1 && only) {
    await rename(fsPath(`${bytesOf(directory)}/${only.toString("latin1")}`), destination);
    await rmdir(directory);
  } else {
    await rename(directory, destination);
  }
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}
