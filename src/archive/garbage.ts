/** A collection takes about 10 ms of a small heap; at this interval they cost a tenth of what unpacking does. */
const intervalBytes = 24 * 1024 * 1024;

/**
 * Collects garbage after every 24 MiB of buffers that were dropped. V8 by itself lets 64 MiB of them gather outside its
 * heap before it looks, which is more than all else that a transfer needs.
 */
export class DroppedBuffers {
  #bytes = 0;
  #collect: (() => void) | undefined;

  note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < intervalBytes) return;
    this.#bytes = 0;
    this.#collect ??= openCollector();
    this.#collect();
  }
}

/** Not imports: small archives do not pay the 2 ms for loading them. */
function openCollector(): () => void {
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  setFlagsFromString("--expose-gc");
  const collect = process.getBuiltinModule("node:vm").runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  return collect;
}
