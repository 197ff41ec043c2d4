import { ExecutorError } from "../errors/index.ts";
import { ByteReader } from "./byte-reader.ts";
import { type ByteString, shown } from "./byte-string.ts";
import { corrupt } from "./errors.ts";
import type { Written } from "./shortcut.ts";
import { decodeTarHeader, type RawHeader, type TarHeader, tarBlockBytes, tarPadding } from "./tar-header.ts";
import { decodeRecords, recordNumber } from "./tar-pax.ts";
import { mapOfRecords, readMapInBody, readOldGnuMap, type SparseMap } from "./tar-sparse.ts";

/** What a foreign archive may ask for. */
export interface TarLimits {
  /** Entries of any type. */
  readonly entriesMax: number;
  /** Bytes of a path or a link target; Linux itself takes 4095. */
  readonly pathBytesMax: number;
  /** Bytes of one extended header. */
  readonly extensionBytesMax: number;
}

export const tarLimits: TarLimits = {
  entriesMax: 5_000_000,
  pathBytesMax: 4095,
  extensionBytesMax: 1024 * 1024,
};

export interface SparseTarHeader extends TarHeader {
  /** Set for a sparse file: `sizeBytes` then counts the stored bytes, and the map says where they belong. */
  readonly sparse: SparseMap | undefined;
}

/**
 * Reads a tar stream entry by entry: `next`, then `chunk` until it gives undefined. USTAR, PAX, GNU long names and
 * numbers, v7, GNU sparse files in all four formats. Global PAX headers are ignored (docs/contract/artifacts.md#6.5).
 */
export class TarReader {
  readonly #reader: ByteReader;
  readonly #limits: TarLimits;
  #bodyLeft = 0;
  #padding = 0;
  #entries = 0;

  constructor(source: AsyncIterable<Uint8Array | Written>, limits: TarLimits, signal: AbortSignal) {
    this.#reader = new ByteReader(source, signal);
    this.#limits = limits;
  }

  /** The next entry, after what is left of the one before; undefined at the end, when all of the source was read. */
  async next(): Promise<SparseTarHeader | undefined> {
    if (this.#bodyLeft + this.#padding > 0) await this.#reader.skip(this.#bodyLeft + this.#padding);
    this.#bodyLeft = 0;
    this.#padding = 0;
    let extension: Extension = {};
    for (;;) {
      const block = await this.#reader.read(tarBlockBytes);
      const raw = block && decodeTarHeader(block);
      if (!block || !raw) {
        await this.#end(block !== undefined, extension);
        return undefined;
      }
      if (!"xgLK".includes(raw.flag)) return this.#entry(block, raw, extension);
      extension = { ...extension, ...(await this.#readExtension(raw)) };
    }
  }

  /** More of the current entry's stored bytes, as they came, or undefined at their end. */
  async chunk(lengthMax = Infinity): Promise<Buffer | undefined> {
    if (this.#bodyLeft === 0) return undefined;
    const bytes = await this.#reader.needChunk(Math.min(lengthMax, this.#bodyLeft));
    this.#bodyLeft -= bytes.length;
    return bytes;
  }

  /** As `chunk`, or what the source has written to where the bytes go. */
  async piece(lengthMax: number): Promise<Buffer | Written | undefined> {
    if (this.#bodyLeft === 0) return undefined;
    const piece = await this.#reader.needPiece(Math.min(lengthMax, this.#bodyLeft));
    this.#bodyLeft -= Buffer.isBuffer(piece) ? piece.length : piece.sizeBytes;
    return piece;
  }

  /** Where in the stream what `chunk` gives next begins. */
  get takenBytes(): number {
    return this.#reader.takenBytes;
  }

  /** All of the current entry's stored bytes; for small entries. */
  async body(): Promise<Buffer> {
    const bytes = this.#bodyLeft === 0 ? Buffer.alloc(0) : await this.#reader.need(this.#bodyLeft);
    this.#bodyLeft = 0;
    return bytes;
  }

  /** The current entry's content from its start, holes of a sparse file as zeros. */
  async *content(header: SparseTarHeader): AsyncGenerator<Buffer, void, undefined> {
    const segments = header.sparse?.segments ?? [{ offset: 0, length: header.sizeBytes }];
    let at = 0;
    for (const { offset, length } of segments) {
      yield* hole(offset - at);
      for (at = offset; at < offset + length; ) {
        const bytes = await this.chunk(offset + length - at);
        if (!bytes) return;
        at += bytes.length;
        yield bytes;
      }
    }
    if (header.sparse) yield* hole(header.sparse.sizeBytes - at);
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #end(hasZeroBlock: boolean, extension: Extension): Promise<void> {
    if (Object.keys(extension).length > 0) throw corrupt("tar: the archive ends after an extended header");
    if (!hasZeroBlock) return;
    const second = await this.#reader.read(tarBlockBytes);
    if (second?.some((byte) => byte !== 0)) throw corrupt("tar: invalid header: a single block of zeros");
    await this.#reader.drain();
  }

  async #readExtension(raw: RawHeader): Promise<Extension> {
    if (raw.sizeBytes < 0 || raw.sizeBytes > this.#limits.extensionBytesMax) {
      throw tooLarge(`an extended header has ${raw.sizeBytes} bytes`, this.#limits.extensionBytesMax);
    }
    const body = raw.sizeBytes === 0 ? Buffer.alloc(0) : await this.#reader.need(raw.sizeBytes);
    await this.#reader.skip(tarPadding(raw.sizeBytes));
    switch (raw.flag) {
      case "x":
        return { records: decodeRecords(body) };
      case "L":
        return { longPath: untilZero(body) };
      case "K":
        return { longLink: untilZero(body) };
      default:
        return {};
    }
  }

  async #entry(block: Buffer, raw: RawHeader, extension: Extension): Promise<SparseTarHeader> {
    if (++this.#entries > this.#limits.entriesMax) throw tooLarge("more entries", this.#limits.entriesMax);
    const records = extension.records ?? [];
    const values = new Map(records);
    const header = {
      ...raw,
      path: values.get("GNU.sparse.name") ?? values.get("path") ?? extension.longPath ?? raw.path,
      linkPath: values.get("linkpath") ?? extension.longLink ?? raw.linkPath,
      uname: values.get("uname") ?? raw.uname,
      gname: values.get("gname") ?? raw.gname,
      uid: numberOr(values, "uid", raw.uid),
      gid: numberOr(values, "gid", raw.gid),
      mtimeSeconds: secondsOr(values, "mtime", raw.mtimeSeconds),
    };
    if (header.path.includes("\0") || header.linkPath.includes("\0"))
      throw corrupt("tar: a name holds a zero byte");
    this.#checkLength(header.path);
    this.#checkLength(header.linkPath);
    const isFile = raw.type === "file" || raw.type === "other";
    // Only files have a body; some programs write the size of a directory or of a hard link's target all the same.
    const bodyBytes = isFile ? numberOr(values, "size", raw.sizeBytes) : 0;
    if (bodyBytes < 0) throw corrupt("tar: invalid header: negative size");
    const sparse = await this.#readSparse(block, raw, values, records, bodyBytes);
    this.#bodyLeft = sparse ? sparse.storedBytes : bodyBytes;
    this.#padding = tarPadding(bodyBytes);
    // Archives older than USTAR mark a directory by a slash alone.
    const type = raw.type === "file" && header.path.endsWith("/") ? "directory" : raw.type;
    return { ...header, type, sizeBytes: this.#bodyLeft, sparse: sparse?.map };
  }

  async #readSparse(
    block: Buffer,
    raw: RawHeader,
    values: ReadonlyMap<string, string>,
    records: Records,
    bodyBytes: number,
  ): Promise<{ readonly map: SparseMap; readonly storedBytes: number } | undefined> {
    if (raw.flag === "S" && raw.isOldGnu) {
      return stored(await readOldGnuMap(Buffer.from(block), this.#reader), bodyBytes);
    }
    if (values.get("GNU.sparse.major") === "1") {
      const size = recordNumber("GNU.sparse.realsize", values.get("GNU.sparse.realsize") ?? "");
      const [map, used] = await readMapInBody(size, bodyBytes, this.#reader);
      return stored(map, bodyBytes - used);
    }
    const map = mapOfRecords(records);
    return map && stored(map, bodyBytes);
  }

  #checkLength(path: ByteString): void {
    if (path.length > this.#limits.pathBytesMax)
      throw tooLarge(`a name of ${path.length} bytes (${shown(path)})`, this.#limits.pathBytesMax);
  }
}

type Records = readonly (readonly [string, ByteString])[];

interface Extension {
  readonly records?: Records;
  readonly longPath?: ByteString;
  readonly longLink?: ByteString;
}

function stored(
  map: SparseMap,
  storedBytes: number,
): { readonly map: SparseMap; readonly storedBytes: number } {
  const total = map.segments.reduce((sum, segment) => sum + segment.length, 0);
  if (total !== storedBytes) throw corrupt("tar: invalid sparse map: it does not match the stored bytes");
  return { map, storedBytes };
}

function tooLarge(what: string, limit: number): ExecutorError {
  return new ExecutorError("TooLarge", `tar: ${what}; the limit is ${limit}`);
}

function untilZero(body: Buffer): ByteString {
  const end = body.indexOf(0);
  return body.toString("latin1", 0, end === -1 ? body.length : end);
}

function numberOr(values: ReadonlyMap<string, string>, key: string, otherwise: number): number {
  const value = values.get(key);
  return value === undefined ? otherwise : recordNumber(key, value);
}

function secondsOr(values: ReadonlyMap<string, string>, key: string, otherwise: number): number {
  const value = values.get(key);
  if (value === undefined) return otherwise;
  const seconds = /^-?[0-9]+(\.[0-9]*)?$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isFinite(seconds)) throw corrupt(`tar: invalid PAX header: ${key} is not a time`);
  return seconds;
}

const zeros = Buffer.alloc(64 * 1024);

function* hole(length: number): Generator<Buffer, void, undefined> {
  for (let left = length; left > 0; left -= zeros.length)
    yield zeros.subarray(0, Math.min(left, zeros.length));
}
