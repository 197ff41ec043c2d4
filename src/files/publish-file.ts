import { chmod, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { randomBytes } from "./random-bytes.ts";

/**
 * Writes a whole file in a folder of this container so that a reader sees all of it or nothing: written aside, then
 * renamed. An old file of another owner does not matter, as long as the folder is ours to write
 * (docs/contract/pod.md#defect-32).
 * @param mode permission bits; the umask does not apply
 */
export async function publishFile(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const aside = join(dirname(path), asideName("new"));
  try {
    const file = await open(aside, "wx", mode);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    await chmod(aside, mode);
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

/** A name that nobody can guess, for what is written aside. */
export function asideName(name: string): string {
  return `.${name}.${randomBytes(8).toString("hex")}`;
}
