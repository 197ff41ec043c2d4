import { ExecutorError } from "../../errors/index.ts";
import {
  type Channel,
  compareKeys,
  listPages,
  type ObjectInfo,
  type ObjectStore,
} from "../../transfer/index.ts";
import { sortExternally } from "./external-sort.ts";

export interface ListingStart {
  readonly prefix: string;
  /** Only keys behind this one. */
  readonly after: string | undefined;
}

/**
 * The objects below a prefix, page by page, in the order of their keys' bytes, whatever the store's own order. The next
 * page is fetched while this one is used. Entries that stand for folders are left out.
 * @param folder where a listing that is not in order is sorted
 * @throws Unsupported where a store that lists in order does not: what is missing could not be told from what is late
 */
export async function* sortedPages(
  store: ObjectStore,
  start: ListingStart,
  folder: string,
  channel: Channel,
  signal: AbortSignal,
): AsyncGenerator<readonly ObjectInfo[]> {
  const pages = storedPages(store, start, channel, signal);
  yield* store.limits.listsInOrder === false
    ? sortExternally(pages, folder, signal)
    : inOrder(pages, start.after);
}

async function* storedPages(
  store: ObjectStore,
  { prefix, after }: ListingStart,
  channel: Channel,
  signal: AbortSignal,
): AsyncGenerator<readonly ObjectInfo[]> {
  const startsAnywhere = store.limits.listsFromAnyKey !== false;
  const isMeant = ({ key, isFolder }: ObjectInfo) =>
    isFolder !== true && (startsAnywhere || after === undefined || compareKeys(key, after) > 0);
  const start = { prefix, after: startsAnywhere ? after : undefined };
  for await (const objects of listPages(store, start, channel, signal)) {
    yield objects.every(isMeant) ? objects : objects.filter(isMeant);
  }
}

async function* inOrder(
  pages: AsyncIterable<readonly ObjectInfo[]>,
  after: string | undefined,
): AsyncGenerator<readonly ObjectInfo[]> {
  let before = after;
  for await (const page of pages) {
    for (const { key } of page) {
      if (before !== undefined && compareKeys(before, key) >= 0) {
        const text = `the store lists ${JSON.stringify(key)} behind ${JSON.stringify(before)}: its listing is not in the order of keys`;
        throw new ExecutorError("Unsupported", text);
      }
      before = key;
    }
    yield page;
  }
}
