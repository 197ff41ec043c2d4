import { chmod, open, rename, rm } from "node:fs/promises";

/**
 * Writes a whole file so that a reader sees all of it or nothing: written aside, then renamed. An old file of another
 * owner does not matter, as long as the folder is ours to write (contract pod.md, defect 32).
 * @param mode permission bits; the umask does not apply
 */
export async function publishFile(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const aside = `${path}.tmp`;
  await rm(aside, { force: true });
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
