import { openContainer, type PodPaths } from "../podfiles/index.ts";
import { byteStream, type FileContent } from "../streams/index.ts";
import { closeSegments, openSegments, type Segment } from "./log-segments.ts";

const chunkBytes = 65_536;

/** Bytes of the log: a text of ours, or what an open segment held when it was opened. */
type Piece = { readonly sizeBytes: number; read(into: Uint8Array, position: number): Promise<number> };

/**
 * What the emissary captured of a container's output: `combined` and the segments `combined.N`, where N is the number
 * of bytes before a segment (native/README.md, "The plan"). They are held open, so that none is removed under a
 * reader. Where the beginning is missing, a line that says so stands in its place.
 */
export class CapturedLog implements AsyncDisposable {
  /** How many bytes the container printed before the first one that was kept. */
  readonly leftOutBytes: number;
  readonly #pieces: readonly Piece[];
  readonly #segments: readonly Segment[];

  /** Opens a log as it is now; undefined where there is none. */
  static async open(paths: PodPaths, container: string): Promise<CapturedLog | undefined> {
    await using folder = await openContainer(paths, container);
    const segments = folder ? await openSegments(folder) : [];
    return segments.length === 0 ? undefined : new CapturedLog(segments);
  }

  private constructor(segments: readonly Segment[]) {
    this.leftOutBytes = segments[0]?.start ?? 0;
    this.#segments = segments;
    const notice = this.leftOutBytes > 0 ? [textPiece(noticeOf(this.leftOutBytes))] : [];
    this.#pieces = [...notice, ...segments.map(filePiece)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeSegments(this.#segments);
  }

  /** The log as content for a store, good until it is disposed of. */
  content(name: string): FileContent {
    const sizeBytes = this.#pieces.reduce((sum, piece) => sum + piece.sizeBytes, 0);
    return {
      name,
      sizeBytes,
      replayable: true,
      open: (range) => {
        const offset = range?.offset ?? 0;
        return byteStream(this.#chunks(offset, Math.min(range?.length ?? sizeBytes, sizeBytes - offset)));
      },
      readInto: async ({ offset, length }, sink, signal) => {
        for (let done = 0; done < length; ) {
          signal.throwIfAborted();
          const bytesRead = await this.#read(sink.space().subarray(0, length - done), offset + done);
          if (bytesRead === 0) return;
          sink.filled(bytesRead);
          done += bytesRead;
        }
      },
    };
  }

  async *#chunks(offset: number, length: number): AsyncGenerator<Buffer> {
    for (let done = 0; done < length; ) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, length - done));
      const bytesRead = await this.#read(chunk, offset + done);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
      done += bytesRead;
    }
  }

  /** Fills some of `into` from one piece; 0 at the end. */
  async #read(into: Uint8Array, position: number): Promise<number> {
    let start = 0;
    for (const piece of this.#pieces) {
      const within = position - start;
      if (within < piece.sizeBytes) return piece.read(into.subarray(0, piece.sizeBytes - within), within);
      start += piece.sizeBytes;
    }
    return 0;
  }
}

function noticeOf(leftOutBytes: number): string {
  return `argoexec: the first ${leftOutBytes} bytes of this log were left out to stay within the ephemeral-storage limit\n`;
}

function textPiece(text: string): Piece {
  const bytes = Buffer.from(text);
  return {
    sizeBytes: bytes.length,
    read: async (into, position) => bytes.copy(into, 0, position),
  };
}

function filePiece({ file, sizeBytes }: Segment): Piece {
  return {
    sizeBytes,
    read: async (into, position) => (await file.read(into, 0, into.length, position)).bytesRead,
  };
}
