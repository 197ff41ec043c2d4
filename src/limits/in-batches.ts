/** The items in arrays of `length`, in their order; the last one may have fewer, and none is empty. */
export async function* inBatches<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  length: number,
): AsyncGenerator<readonly Item[], void, undefined> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < length) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
