import type { FileHandle } from "node:fs/promises";
import { ExecutorError } from "../errors/index.ts";
import { type SharedFolder, segmentName } from "../podfiles/index.ts";

/** One file of a captured log, held open: it stays readable when the emissary has removed it. */
export interface Segment {
  /** Bytes of output before it. */
  readonly start: number;
  /** What it held when it was opened. */
  readonly sizeBytes: number;
  readonly file: FileHandle;
}

/** Main may print on while its log is opened, faster than we look. */
const looksMax = 1000;

/**
 * Opens `combined` and `combined.N` in a container's folder, the oldest first; none where nothing was captured. Those that
 * begin before `fromBytes` are passed over.
 */
export async function openSegments(folder: SharedFolder, fromBytes: number): Promise<readonly Segment[]> {
  for (let look = 0; look < looksMax; look++) {
    const starts = (await segmentStarts(folder)).filter((start) => start >= fromBytes);
    if (starts.length === 0) return [];
    const segments = await openFromNewest(folder, starts);
    if (segments.length > 0 && isUnbroken(segments)) return segments;
    await closeSegments(segments);
  }
  throw new ExecutorError("Transient", `output comes faster than its segments can be opened`);
}

export async function closeSegments(segments: readonly Segment[]): Promise<void> {
  await Promise.all(segments.map(({ file }) => file.close()));
}

/** Where the segments in a folder begin, the newest first. */
async function segmentStarts(folder: SharedFolder): Promise<readonly number[]> {
  const names = await folder.names();
  const starts = names.flatMap((name) => {
    const found = /^combined(?:\.(\d+))?$/.exec(name);
    return found ? [Number(found[1] ?? 0)] : [];
  });
  return starts.sort((a, b) => b - a);
}

async function openFromNewest(folder: SharedFolder, starts: readonly number[]): Promise<readonly Segment[]> {
  const segments: Segment[] = [];
  try {
    for (const start of starts) {
      const segment = await openSegment(folder, start);
      // The oldest are removed first: what is before this one has gone too.
      if (segment === undefined) break;
      segments.unshift(segment);
    }
    return segments;
  } catch (error) {
    await closeSegments(segments);
    throw error;
  }
}

/** A segment that came while the folder was read may be missing between two others. */
function isUnbroken(segments: readonly Segment[]): boolean {
  return segments.every(({ start, sizeBytes }, index) => {
    const next = segments[index + 1];
    return next === undefined || next.start === start + sizeBytes;
  });
}

async function openSegment(folder: SharedFolder, start: number): Promise<Segment | undefined> {
  const file = await folder.file(segmentName(start));
  return file && { start, sizeBytes: (await file.stat()).size, file };
}
