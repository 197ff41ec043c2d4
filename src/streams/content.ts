import type { Readable } from "node:stream";
import type { ByteSink } from "./byte-sink.ts";

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** The content of one file on its way to a store. */
export interface FileContent {
  /** The local file's name; stores guess the content type from its extension. */
  readonly name: string;
  /** Bytes, where known before reading: always for a plain file, never for a compressed stream. */
  readonly sizeBytes: number | undefined;
  /** True: `open` may be called again and starts afresh. False: the bytes can be read once only. */
  readonly replayable: boolean;
  /** All of them, where they are in memory already: nobody has to open anything. */
  readonly bytes?: Uint8Array;
  /** Opens the bytes from `offset` (only where replayable; default 0), `length` at most. */
  open(range?: ByteRange): Readable;
  /**
   * Reads the range straight into the sink, at less cost than through a stream; less only where the content has become
   * shorter. Only replayable contents of known size have it, and not all of them.
   */
  readInto?(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void>;
}

/** A directory tree on its way to a store, entry by entry, in lexical order; directories themselves do not appear. */
export interface TreeContent {
  /**
   * Yields each file with its path relative to the tree's root (`/` between elements, no leading one).
   * A content that is not replayable must be read, or dropped, before the next entry is asked for.
   * A walk that fails throws, naming the path; the artifact fails then.
   */
  files(signal: AbortSignal): AsyncIterable<{ readonly path: string; readonly content: FileContent }>;
}
