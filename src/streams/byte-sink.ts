/** Memory that takes bytes where they are read, so that nothing in between has to hold or copy them. */
export interface ByteSink {
  /** Room for the next bytes, at least one; the same until `filled` says that some of it was used. */
  space(): Uint8Array;
  /** So many bytes stand at the start of `space()` now. */
  filled(bytes: number): void;
}

/** A sink that fills a piece of memory from its beginning; it must not get more than that. */
export function sinkInto(memory: Uint8Array): ByteSink {
  let filledBytes = 0;
  return {
    space: () => memory.subarray(filledBytes),
    filled(bytes) {
      filledBytes += bytes;
    },
  };
}

/** Copies a chunk that came in some other way into the sink. */
export function appendTo(sink: ByteSink, chunk: Uint8Array): void {
  for (let taken = 0; taken < chunk.byteLength; ) {
    const room = sink.space();
    const part = chunk.subarray(taken, taken + room.byteLength);
    room.set(part);
    sink.filled(part.byteLength);
    taken += part.byteLength;
  }
}
