import { ExecutorError } from "../errors/index.ts";
import { compareKeys, type ObjectInfo } from "../transfer/index.ts";

/**
 * Checks a page of a listing that began behind `after`: every key lies below the prefix, and they rise. A store that
 * ignored where to begin would be listed for ever, or its objects twice.
 */
export function checkPage(objects: readonly ObjectInfo[], prefix: string, after: string | undefined): void {
  checkPrefix(objects, prefix);
  let before = after;
  for (const { key } of objects) {
    if (before !== undefined && compareKeys(key, before) <= 0) {
      throw unusable(`${quoted(key)} comes after ${quoted(before)}: the listing does not advance`);
    }
    before = key;
  }
}

/** Checks that every key of a page lies below the prefix that was asked for. */
export function checkPrefix(objects: readonly ObjectInfo[], prefix: string): void {
  const stranger = objects.find(({ key }) => !key.startsWith(prefix));
  if (stranger === undefined) return;
  throw unusable(`${quoted(stranger.key)} does not lie below ${quoted(prefix)}`);
}

/** Pages without objects that say there are more: this many in a row, then the listing is taken to stand still. */
const emptyPagesMax = 1000;

/**
 * Follows a store's own tokens over pages without objects, which some send, to the next page that has any.
 * `fetch` gets the token of the page before; `token` of its answer is undefined on the last page.
 */
export async function nextFilledPage<Page extends { readonly objects: readonly ObjectInfo[] }>(
  fetch: (token: string | undefined) => Promise<Page & { readonly token: string | undefined }>,
): Promise<Page & { readonly token: string | undefined }> {
  let token: string | undefined;
  for (let pages = 0; pages < emptyPagesMax; pages += 1) {
    const page = await fetch(token);
    if (page.objects.length > 0 || page.token === undefined) return page;
    if (page.token === token) break;
    token = page.token;
  }
  throw unusable("page after page is empty and says that there are more");
}

/** For an answer that is no listing at all, or not all of one. */
export function notAListing(): ExecutorError {
  return unusable("the answer is not a whole listing");
}

function unusable(why: string): ExecutorError {
  return new ExecutorError("Transient", `the store's listing is wrong: ${why}`);
}

function quoted(key: string): string {
  return JSON.stringify(key.slice(0, 200));
}
