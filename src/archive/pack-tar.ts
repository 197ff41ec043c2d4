import { addAbortSignal, Readable } from "node:stream";
import { type Accounts, readAccounts } from "./accounts.ts";
import { Slab } from "./slab.ts";
import { readLargeFile } from "./snapshot-file.ts";
import { encodeTarHeader, tarBlockBytes, tarPadding } from "./tar-header.ts";
import { type WalkEntry, type WalkOptions, walkTree } from "./walk-tree.ts";

/**
 * A tar stream of a local file or directory (contract artifacts.md 6.1): the root first, named after the last element
 * of `path`, then everything below, depth first, names sorted by bytes; no slash after directories. `path` itself is
 * resolved if it is a link. Sockets are left out with a warning. Files are snapshots by size: what is appended while
 * they are read is not sent, one that shrinks fails the stream. The stream fails with NotFound if `path` is missing,
 * and with the path named if anything cannot be read.
 */
export function packTar(path: string, options: WalkOptions, signal: AbortSignal): Readable {
  const stream = Readable.from(tarBytes(path, options, signal), {
    objectMode: false,
    highWaterMark: 1024 * 1024,
  });
  return addAbortSignal(signal, stream);
}

async function* tarBytes(path: string, options: WalkOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  const accounts = await readAccounts();
  const slab = new Slab();
  for await (const entry of walkTree(path, options, signal)) {
    const sizeBytes = entry.content ? entry.stats.size : 0;
    yield* slab.add(headerOf(entry, sizeBytes, accounts));
    if (Buffer.isBuffer(entry.content)) yield* slab.add(entry.content);
    else if (entry.content) {
      for await (const chunk of readLargeFile(entry.content, sizeBytes, signal)) yield* slab.add(chunk);
    }
    yield* slab.addZeros(tarPadding(sizeBytes));
  }
  yield* slab.addZeros(2 * tarBlockBytes);
  yield* slab.flush();
}

function headerOf(entry: WalkEntry, sizeBytes: number, accounts: Accounts): Buffer {
  const { stats } = entry;
  const type = typeOf(stats);
  const isDevice = type === "character-device" || type === "block-device";
  return encodeTarHeader({
    path: entry.name,
    type,
    // Linux gives links 0777 whatever else happens; other systems may not.
    mode: type === "symlink" ? 0o777 : stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    uname: accounts.users.get(stats.uid) ?? "",
    gname: accounts.groups.get(stats.gid) ?? "",
    sizeBytes,
    mtimeSeconds: Math.round(stats.mtimeMs / 1000),
    linkPath: entry.linkPath,
    deviceMajor: isDevice ? majorOf(stats.rdev) : 0,
    deviceMinor: isDevice ? minorOf(stats.rdev) : 0,
  });
}

function typeOf(stats: WalkEntry["stats"]) {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isCharacterDevice()) return "character-device";
  if (stats.isBlockDevice()) return "block-device";
  return "fifo";
}

/** Linux' encoding of device numbers (glibc `gnu_dev_major`), the low 32 bits: all that the kernel uses. */
function majorOf(device: number): number {
  return (device >>> 8) & 0xfff;
}

function minorOf(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}
