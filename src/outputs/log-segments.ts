import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ExecutorError } from "../errors/index.ts";

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

/** Opens `combined` and `combined.N` in a container's folder, the oldest first; none where nothing was captured. */
export async function openSegments(folder: string): Promise<readonly Segment[]> {
  for (let look = 0; look < looksMax; look++) {
    const starts = await segmentStarts(folder);
    if (starts.length === 0) return [];
    const segments = await openFromNewest(folder, starts);
    if (segments.length > 0 && isUnbroken(segments)) return segments;
    await closeSegments(segments);
  }
  throw new ExecutorError("Transient", `${folder}: output comes faster than its segments can be opened`);
}

export async function closeSegments(segments: readonly Segment[]): Promise<void> {
  await Promise.all(segments.map(({ file }) => file.close()));
}

/** Where the segments in a folder begin, the newest first. */
async function segmentStarts(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const starts = names.flatMap((name) => {
    const found = /^combined(?:\.(\d+))?$/.exec(name);
    return found ? [Number(found[1] ?? 0)] : [];
  });
  return starts.sort((a, b) => b - a);
}

async function openFromNewest(folder: string, starts: readonly number[]): Promise<readonly Segment[]> {
  const segments: Segment[] = [];
  try {
    for (const start of starts) {
      const segment = await openSegment(join(folder, start === 0 ? "combined" : `combined.${start}`), start);
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

/** The folder is the step's to write: a link in it must not lead to our own files, a FIFO is not waited for. */
async function openSegment(path: string, start: number): Promise<Segment | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    if (error.code === "ELOOP") throw replaced(path, error);
    throw error;
  });
  if (file === undefined) return undefined;
  const found = await file.stat();
  if (found.isFile()) return { start, sizeBytes: found.size, file };
  await file.close();
  throw replaced(path);
}

function replaced(path: string, cause?: Error): ExecutorError {
  const text = `${path} is not a regular file any more: a step must leave /var/run/argo alone`;
  return new ExecutorError("BadRequest", text, { cause });
}
