import { openContainer, type PodPaths } from "../podfiles/index.ts";
import { byteStream, type FileContent } from "../streams/index.ts";
import { filePiece, type LogPart, type Piece, piecesContent, textPiece } from "./log-pieces.ts";
import { closeSegments, openSegments, type Segment } from "./log-segments.ts";

/**
 * What the emissary captured of a container's output: `combined` and the segments `combined.N`, where N is the number
 * of bytes before a segment (native/README.md, "The plan"). They are held open, so that none is removed under a
 * reader. Where something is missing before them, a line that says so stands in its place.
 */
export class CapturedLog implements AsyncDisposable {
  /** How many bytes the container printed that were not kept. */
  readonly leftOutBytes: number;
  readonly #pieces: readonly Piece[];
  readonly #segments: readonly Segment[];

  /**
   * Opens a log as it is now; undefined where there is none.
   * @param fromBytes how many bytes of its beginning are in the store already
   */
  static async open(paths: PodPaths, container: string, fromBytes = 0): Promise<CapturedLog | undefined> {
    await using folder = await openContainer(paths, container);
    const segments = folder ? await openSegments(folder, fromBytes) : [];
    return segments.length === 0 && fromBytes === 0 ? undefined : new CapturedLog(segments, fromBytes);
  }

  private constructor(segments: readonly Segment[], fromBytes: number) {
    this.leftOutBytes = (segments[0]?.start ?? fromBytes) - fromBytes;
    this.#segments = segments;
    const notice = this.leftOutBytes > 0 ? [textPiece(noticeOf(this.leftOutBytes, fromBytes))] : [];
    this.#pieces = [...notice, ...segments.map(filePiece)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeSegments(this.#segments);
  }

  /**
   * The log as content for a store, good until it is disposed of.
   * @param earlier its beginning, which is in the store already
   */
  content(name: string, earlier: readonly LogPart[] = []): FileContent {
    const here = piecesContent(name, this.#pieces);
    if (earlier.length === 0) return here;
    return {
      name,
      sizeBytes: undefined,
      replayable: true,
      open: () => byteStream(joined(earlier, here)),
    };
  }
}

async function* joined(earlier: readonly LogPart[], rest: FileContent): AsyncGenerator<Buffer> {
  for (const part of earlier) yield* part.read();
  yield* rest.open();
}

function noticeOf(leftOutBytes: number, fromBytes: number): string {
  const what =
    fromBytes === 0
      ? `the first ${leftOutBytes} bytes of this log`
      : `${leftOutBytes} bytes of this log, behind its first ${fromBytes},`;
  return `argoexec: ${what} were left out to stay within the ephemeral-storage limit\n`;
}
