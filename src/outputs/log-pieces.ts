import { byteStream, type FileContent } from "../streams/index.ts";
import type { Segment } from "./log-segments.ts";

const chunkBytes = 65_536;

/** Bytes of a log: a text of ours, or what an open segment held when it was opened. */
export interface Piece {
  readonly sizeBytes: number;
  read(into: Uint8Array, position: number): Promise<number>;
}

/** Bytes of a log that can be read in order only, as often as it takes. */
export interface LogPart {
  read(): AsyncIterable<Buffer>;
}

export function textPiece(text: string): Piece {
  const bytes = Buffer.from(text);
  return {
    sizeBytes: bytes.length,
    read: async (into, position) => bytes.copy(into, 0, position),
  };
}

export function filePiece({ file, sizeBytes }: Segment): Piece {
  return {
    sizeBytes,
    read: async (into, position) => (await file.read(into, 0, into.length, position)).bytesRead,
  };
}

/** Pieces, one after the other, as content for a store. */
export function piecesContent(name: string, pieces: readonly Piece[]): FileContent {
  const sizeBytes = pieces.reduce((sum, piece) => sum + piece.sizeBytes, 0);
  return {
    name,
    sizeBytes,
    replayable: true,
    open: (range) => {
      const offset = range?.offset ?? 0;
      const length = Math.min(range?.length ?? sizeBytes, sizeBytes - offset);
      return byteStream(chunks(pieces, offset, length));
    },
    readInto: async ({ offset, length }, sink, signal) => {
      for (let done = 0; done < length; ) {
        signal.throwIfAborted();
        const bytesRead = await readSome(pieces, sink.space().subarray(0, length - done), offset + done);
        if (bytesRead === 0) return;
        sink.filled(bytesRead);
        done += bytesRead;
      }
    },
  };
}

async function* chunks(pieces: readonly Piece[], offset: number, length: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < length; ) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, length - done));
    const bytesRead = await readSome(pieces, chunk, offset + done);
    if (bytesRead === 0) return;
    yield chunk.subarray(0, bytesRead);
    done += bytesRead;
  }
}

/** Fills some of `into` from one piece; 0 at the end. */
async function readSome(pieces: readonly Piece[], into: Uint8Array, position: number): Promise<number> {
  let start = 0;
  for (const piece of pieces) {
    const within = position - start;
    if (within < piece.sizeBytes) return piece.read(into.subarray(0, piece.sizeBytes - within), within);
    start += piece.sizeBytes;
  }
  return 0;
}
