import type { ArtifactDriver } from "../artifacts/index.ts";
import { ExecutorError, errorText } from "../errors/index.ts";
import { openContainer, type PodPaths, type SharedFolder, segmentName } from "../podfiles/index.ts";
import { type Artifact, relocate, withGeneratedKey } from "../template/index.ts";
import { filePiece, type LogPart, piecesContent, textPiece } from "./log-pieces.ts";
import { closeSegments, type Segment } from "./log-segments.ts";
import type { OutputSaver } from "./save-artifacts.ts";

/** What saving a log takes. */
export type LogSaver = Pick<OutputSaver, "archiveLocation" | "openDriver" | "log">;

/** How much of a container's log was taken to the store while the container ran: its beginning, without a gap. */
export interface SpooledLog {
  readonly container: string;
  /** Where each part begins, in bytes of output; a part ends where the next one begins. */
  readonly partStarts: readonly number[];
  /** Where the last part ends. */
  readonly endBytes: number;
  /** Nothing more is taken: the store, or what lies on the volume, is not as it should be. */
  readonly isOver: boolean;
}

/** Segments that travel as one object. */
const partBytesMax = 67_108_864;

/**
 * Takes the oldest finished segments of a container's log to the store, as one object beside the log's own key, and off
 * the volume. Undefined: none is finished. Throws what the driver throws, and BadRequest where a segment is not as the
 * emissary left it; nothing has changed then.
 */
export async function spoolPart(
  saver: LogSaver,
  paths: PodPaths,
  spooled: SpooledLog,
  segmentBytes: number,
  signal: AbortSignal,
): Promise<SpooledLog | undefined> {
  const { container, endBytes } = spooled;
  await using folder = await openContainer(paths, container);
  const segments = folder ? await openFinished(folder, endBytes, segmentBytes) : [];
  if (folder === undefined || segments.length === 0) return undefined;
  try {
    const part = partArtifact(saver, container, endBytes);
    await using driver = await saver.openDriver(part);
    if (endBytes === 0) await expectUsable(driver, part, signal);
    await driver.saveFile(part, piecesContent(`${container}.log`, segments.map(filePiece)), signal);
    if (endBytes === 0) await expectReadable(driver, part, signal);
    await removeSegments(folder, segments, saver);
  } finally {
    await closeSegments(segments);
  }
  return {
    ...spooled,
    partStarts: [...spooled.partStarts, endBytes],
    endBytes: endBytes + segments.length * segmentBytes,
  };
}

/** Before anything is taken away: a store of which nobody knows what it allows is asked for all of it. */
async function expectUsable(driver: ArtifactDriver, part: Artifact, signal: AbortSignal): Promise<void> {
  await driver.expectStreams?.(signal);
  if (driver.withdraw === undefined) return;
  await driver.saveFile(part, piecesContent(part.name, [textPiece("\n")]), signal);
  const [failure] = await driver.withdraw([part], signal);
  if (failure !== undefined) throw failure;
}

/** Who may write to a store may not be let to read there: then the parts would be lost to the log. */
async function expectReadable(driver: ArtifactDriver, part: Artifact, signal: AbortSignal): Promise<void> {
  try {
    const stored = await driver.open(part, signal);
    // Whoever asks nothing until it is read has to be read.
    if (stored.kind === "either") for await (const _chunk of stored.openStream()) break;
  } catch (error) {
    // One that stays is as good as empty: what it holds is still on the volume.
    await (driver.withdraw?.([part], signal) ?? driver.delete(part, signal)).catch(() => undefined);
    throw ExecutorError.wrap(error, "what is stored cannot be read back");
  }
}

/** The parts in order, to be read from the store; one that is not as long as it was when it was stored is an error. */
export function spooledParts(saver: LogSaver, spooled: SpooledLog, signal: AbortSignal): readonly LogPart[] {
  const { container, partStarts, endBytes } = spooled;
  return partStarts.map((start, index) => {
    const sizeBytes = (partStarts[index + 1] ?? endBytes) - start;
    return { read: () => readPart(saver, partArtifact(saver, container, start), sizeBytes, signal) };
  });
}

/** Deletes the parts once they are in the log; what cannot be deleted is named in the executor's own log. */
export async function deleteParts(saver: LogSaver, spooled: SpooledLog, signal: AbortSignal): Promise<void> {
  const parts = spooled.partStarts.map((start) => partArtifact(saver, spooled.container, start));
  const [first] = parts;
  if (first === undefined) return;
  try {
    await using driver = await saver.openDriver(first);
    const outcomes = await (driver.withdraw?.(parts, signal) ?? driver.deleteMany(parts, signal));
    const failed = outcomes.find((outcome) => outcome !== undefined);
    if (failed !== undefined) throw failed;
  } catch (error) {
    saver.log.warn(
      { container: spooled.container, parts: `${spooled.container}.log.from-*`, error: errorText(error) },
      "the log is saved whole, but its parts that were stored while the step ran could not all be deleted",
    );
  }
}

/** What stands in a log for parts that cannot be read back. */
export function unreadParts({ container, endBytes }: SpooledLog): LogPart {
  const text = `argoexec: the first ${endBytes} bytes of this log could not be read back from the store: they are beside it, in ${container}.log.from-*\n`;
  return {
    async *read() {
      yield Buffer.from(text);
    },
  };
}

function partArtifact(saver: LogSaver, container: string, start: number): Artifact {
  const bare = { name: `${container}-logs` };
  const keyed = withGeneratedKey(bare, saver.archiveLocation, `${container}.log.from-${start}`);
  return relocate(keyed, saver.archiveLocation);
}

async function* readPart(
  saver: LogSaver,
  part: Artifact,
  sizeBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  await using driver = await saver.openDriver(part);
  const stored = await driver.open(part, signal);
  let left = sizeBytes;
  if (stored.kind !== "directory") {
    for await (const chunk of stored.openStream() as AsyncIterable<Buffer>) {
      left -= chunk.length;
      // It may never end.
      if (left < 0) break;
      yield chunk;
    }
  }
  if (left !== 0) {
    const text = `a part of the log that was stored while the step ran had ${sizeBytes} bytes and now has ${left < 0 ? "more" : sizeBytes - left}`;
    throw new ExecutorError("Corrupt", text);
  }
}

/** A segment is finished when its successor is there. */
async function openFinished(
  folder: SharedFolder,
  from: number,
  segmentBytes: number,
): Promise<readonly Segment[]> {
  const segments: Segment[] = [];
  try {
    for (let start = from; start + segmentBytes <= from + partBytesMax; start += segmentBytes) {
      if (!(await folder.has(segmentName(start + segmentBytes)))) break;
      const file = await folder.file(segmentName(start));
      if (file) segments.push({ start, sizeBytes: (await file.stat()).size, file });
      if (segments.at(-1)?.start !== start || segments.at(-1)?.sizeBytes !== segmentBytes) {
        const text = `${segmentName(start)} is not as the executor left it: a step must leave /var/run/argo alone`;
        throw new ExecutorError("BadRequest", text);
      }
    }
    return segments;
  } catch (error) {
    await closeSegments(segments);
    throw error;
  }
}

async function removeSegments(
  folder: SharedFolder,
  segments: readonly Segment[],
  { log }: LogSaver,
): Promise<void> {
  for (const { start } of segments) {
    try {
      await folder.remove(segmentName(start));
    } catch (error) {
      // It takes up room, and is not taken twice: what is before the end of the last part is not looked at again.
      log.warn({ error: errorText(error) }, "a part of the log that is in the store could not be removed");
    }
  }
}
