import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { readRange } from "../podfiles/index.ts";

/** Only the end matters, however long a program keeps appending. */
const endBytes = 4096;

/**
 * What the last line of the progress file says, by the file's last 4 KiB: `N/M` with 0 <= N <= M, M > 0 and at most 18
 * digits each. Anything else counts as nothing, for a controller crashes on a value without a slash
 * (docs/contract/pod.md#defect-15). The sleeping program has the same rule (native/standby.c).
 */
export async function readProgress(path: string): Promise<string | undefined> {
  const text = await readEnd(path);
  if (text === undefined || text.includes("\0")) return undefined;
  const line = trim(trim(text).split("\n").at(-1) ?? "");
  const [, done, total] = /^(\d{1,18})\/(\d{1,18})$/.exec(line) ?? [];
  if (done === undefined || total === undefined) return undefined;
  return BigInt(done) <= BigInt(total) && BigInt(total) > 0n ? line : undefined;
}

/** Blanks as C has them. */
function trim(text: string): string {
  return text.replace(/^[ \t\r\n\v\f]+|[ \t\r\n\v\f]+$/g, "");
}

/** The file is the step's: a link is not followed, a FIFO not waited for. */
async function readEnd(path: string): Promise<string | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    try {
      const found = await file.stat();
      if (!found.isFile()) return undefined;
      const bytes = await readRange(file, Math.max(0, found.size - endBytes), Math.min(found.size, endBytes));
      return bytes.toString("latin1");
    } finally {
      await file.close();
    }
  } catch {
    // Not there yet, or being replaced: the next event tells.
    return undefined;
  }
}
