import { setTimeout as sleep } from "node:timers/promises";

type Look<T> = T | false | undefined;

/** Waits for what no event tells of, and returns it; a busy node needs its time to start containers. */
export async function until<T>(what: string, look: () => Look<T> | Promise<Look<T>>): Promise<T> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await sleep(20);
  }
}
