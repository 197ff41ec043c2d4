import type { ListPage, ObjectInfo, ObjectStore } from "./object-store.ts";
import type { Channel } from "./session.ts";

const pageSize = 1000;

/** Every object below the prefix, in the store's order; the next page is fetched while this one is used. */
export async function* listObjects(
  store: ObjectStore,
  prefix: string,
  channel: Channel,
  signal: AbortSignal,
): AsyncGenerator<ObjectInfo> {
  const fetch = (after: string | undefined): Promise<ListPage> => {
    const page = channel.request(() => store.list(prefix, after, pageSize, signal), signal);
    // Fetched ahead: until its turn comes, nobody waits for it, and a failure must not end the process.
    page.catch(() => {});
    return page;
  };
  let next: Promise<ListPage> | undefined = fetch(undefined);
  while (next !== undefined) {
    const page: ListPage = await next;
    next = page.next === undefined ? undefined : fetch(page.next);
    yield* page.objects;
  }
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
