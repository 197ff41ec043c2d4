import type { ByteReader } from "./byte-reader.ts";
import { corrupt } from "./errors.ts";
import { number } from "./tar-header.ts";
import { recordNumber } from "./tar-pax.ts";

/** Where the stored bytes of a sparse file belong; everything between is a hole. */
export interface SparseMap {
  readonly sizeBytes: number;
  readonly segments: readonly Segment[];
}

export interface Segment {
  readonly offset: number;
  readonly length: number;
}

/** More segments than this are refused: the map is held in memory. */
const segmentsMax = 1_000_000;

/** GNU's old format: four segments in the header block, 21 in each block that follows it (tar manual, "Old GNU Format"). */
export async function readOldGnuMap(header: Buffer, reader: ByteReader): Promise<SparseMap> {
  const segments = mapOf(header, 386, 4);
  let hasMore = header[482] !== 0;
  const sizeBytes = number(header, 483, 12);
  while (hasMore) {
    const block = await reader.need(512);
    segments.push(...mapOf(block, 0, 21));
    hasMore = block[504] !== 0;
    checkCount(segments.length);
  }
  return checked({ sizeBytes, segments });
}

/** GNU's PAX formats 0.0 (a record for each number) and 0.1 (one list); undefined if the file is not sparse. */
export function mapOfRecords(records: readonly (readonly [string, string])[]): SparseMap | undefined {
  const size = records.find(([key]) => key === "GNU.sparse.size");
  if (!size) return undefined;
  const list = records.find(([key]) => key === "GNU.sparse.map");
  const values = list
    ? list[1].split(",").filter((value) => value !== "")
    : records
        .filter(([key]) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes")
        .map(([, value]) => value);
  return checked({
    sizeBytes: recordNumber(...size),
    segments: pairs(values.map((value) => recordNumber("map", value))),
  });
}

/** GNU's PAX format 1.0: the map is text in the blocks before the data. Resolves to it and the bytes it took. */
export async function readMapInBody(
  sizeBytes: number,
  bodyBytes: number,
  reader: ByteReader,
): Promise<[SparseMap, number]> {
  let used = 0;
  let unparsed = "";
  const nextNumber = async (): Promise<number> => {
    while (!unparsed.includes("\n")) {
      if (unparsed.length > 20 || used + 512 > bodyBytes) throw corrupt("tar: invalid sparse map");
      unparsed += (await reader.need(512)).toString("latin1");
      used += 512;
    }
    const end = unparsed.indexOf("\n");
    const value = recordNumber("sparse map", unparsed.slice(0, end));
    unparsed = unparsed.slice(end + 1);
    return value;
  };
  const count = await nextNumber();
  checkCount(count);
  const numbers: number[] = [];
  for (let at = 0; at < count * 2; at++) numbers.push(await nextNumber());
  return [checked({ sizeBytes, segments: pairs(numbers) }), used];
}

function mapOf(block: Buffer, offset: number, count: number): Segment[] {
  const segments: Segment[] = [];
  for (let at = offset; at < offset + count * 24; at += 24) {
    if (block[at] === 0) break;
    segments.push({ offset: number(block, at, 12), length: number(block, at + 12, 12) });
  }
  return segments;
}

function pairs(numbers: readonly number[]): Segment[] {
  if (numbers.length % 2 !== 0) throw corrupt("tar: invalid sparse map");
  checkCount(numbers.length / 2);
  return numbers.flatMap((offset, at) => (at % 2 === 0 ? [{ offset, length: numbers[at + 1] ?? 0 }] : []));
}

function checkCount(count: number): void {
  if (count > segmentsMax) throw corrupt(`tar: a sparse file has more than ${segmentsMax} segments`);
}

function checked(map: SparseMap): SparseMap {
  let end = 0;
  for (const { offset, length } of map.segments) {
    if (offset < end || length < 0) throw corrupt("tar: invalid sparse map: its segments overlap");
    end = offset + length;
  }
  if (end > map.sizeBytes) throw corrupt("tar: invalid sparse map: it is longer than the file");
  return map;
}
