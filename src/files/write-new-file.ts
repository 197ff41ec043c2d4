import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

const bufferedBytes = 1024 * 1024;

/**
 * Writes what a source yields to the file `path`, which must not exist (mode 0644, whatever the umask). The file is
 * there before anything is read and closed when this returns or throws, so that whoever removes it after a failure has
 * removed it for good.
 */
export async function writeNewFile(
  source: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, "wx", 0o644);
  try {
    await file.chmod(0o644);
    await pipeline(source, file.createWriteStream({ highWaterMark: bufferedBytes }), { signal });
  } finally {
    await file.close();
  }
}
