/** What a source yields, until the signal: one that says nothing any more is not waited for. */
export async function* untilAborted(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let leave: (reason: unknown) => void = () => {};
  const stop = () => leave(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      // One promise a step: a race with one that stays would keep all of them.
      const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        leave = reject;
        Promise.resolve(iterator.next()).then(resolve, reject);
      });
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    // What is in the middle of a step ends with it, some time.
    Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
