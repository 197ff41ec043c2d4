/**
 * Maps a sequence with up to `ahead` results under way; results come in order. When it ends early, by an error or by
 * its reader, nothing is under way any more.
 */
export async function* mapAhead<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  ahead: number,
  map: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const running: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const result = map(item);
      // It is awaited later, in order; a failure before that must not count as unhandled.
      result.catch(() => {});
      running.push(result);
      if (running.length < ahead) continue;
      const [first] = running;
      if (first) yield await first;
      running.shift();
    }
    for (const result of running) yield await result;
  } finally {
    await Promise.allSettled(running);
  }
}
