import type { ListPage, ObjectInfo, ObjectStore } from "./object-store.ts";
import type { Channel } from "./session.ts";

const pageSize = 1000;

/**
 * The objects below the prefix, page by page, in the store's order; the next page is fetched while this one is used.
 * @param after only what comes behind it; where a store lists from the beginning alone: undefined
 */
export async function* listPages(
  store: ObjectStore,
  { prefix, after }: { readonly prefix: string; readonly after?: string | undefined },
  channel: Channel,
  signal: AbortSignal,
): AsyncGenerator<readonly ObjectInfo[]> {
  const fetch = (from: string | undefined): Promise<ListPage> => {
    const page = channel.request(() => store.list(prefix, from, pageSize, signal), signal);
    // Fetched ahead: until its turn comes, nobody waits for it, and a failure must not end the process.
    page.catch(() => {});
    return page;
  };
  let next: Promise<ListPage> | undefined = fetch(after);
  while (next !== undefined) {
    const page: ListPage = await next;
    next = page.next === undefined ? undefined : fetch(page.next);
    yield page.objects;
  }
}

/** The same one by one, from the beginning. */
export async function* listObjects(
  store: ObjectStore,
  prefix: string,
  channel: Channel,
  signal: AbortSignal,
): AsyncGenerator<ObjectInfo> {
  for await (const objects of listPages(store, { prefix }, channel, signal)) yield* objects;
}

/** True if at least one object is there. */
export async function hasObjects(
  store: ObjectStore,
  prefix: string,
  channel: Channel,
  signal: AbortSignal,
): Promise<boolean> {
  const page = await channel.request(() => store.list(prefix, undefined, 1, signal), signal);
  return page.objects.length > 0;
}
