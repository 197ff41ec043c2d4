import { posix } from "node:path";
import { ExecutorError } from "../../../errors/index.ts";
import { Tries } from "../../../retry/index.ts";
import { byteStream, type FileContent, type TreeContent } from "../../../streams/index.ts";
import { filesMax } from "./download.ts";
import type { HdfsFiles } from "./files.ts";
import { unfinishedName } from "./keys.ts";

export interface Saving {
  readonly hdfs: HdfsFiles;
  readonly isForced: boolean;
  readonly signal: AbortSignal;
}

/** Makes a file under another name and renames it: a reader finds all of it or nothing. */
export async function saveFile(saving: Saving, path: string, content: FileContent): Promise<void> {
  await aside(saving, path, (place) => writeFile(saving, place, content));
}

/** Makes the tree under another name and renames it. */
export async function saveTree(saving: Saving, path: string, tree: TreeContent): Promise<void> {
  await aside(saving, path, async (place) => {
    await makeFolder(saving, place);
    const running = new Set<Promise<void>>();
    const failures: unknown[] = [];
    for await (const { path: name, content } of tree.files(saving.signal)) {
      const work = writeFile(saving, posix.join(place, name), content).catch((error: unknown) => {
        failures.push(error);
      });
      running.add(work);
      void work.finally(() => running.delete(work));
      if (!content.replayable) await work;
      if (running.size >= filesMax) await Promise.race(running);
      if (failures.length > 0) break;
    }
    await Promise.all(running);
    if (failures.length > 0) throw failures[0];
  });
}

async function aside(saving: Saving, path: string, write: (place: string) => Promise<void>): Promise<void> {
  const { hdfs, isForced, signal } = saving;
  if (!isForced && (await hdfs.status(path, signal)) !== undefined) throw exists(path);
  const { dir, base } = posix.parse(path);
  const place = posix.join(dir, unfinishedName(base));
  await makeFolder(saving, dir);
  try {
    await write(place);
    await rename(saving, place, path);
  } catch (error) {
    // Told to stop or not, what is half there goes; whether that works changes nothing of the error.
    await hdfs.remove(place, AbortSignal.timeout(10_000)).catch(() => {});
    throw error;
  }
}

async function makeFolder({ hdfs, signal }: Saving, path: string): Promise<void> {
  if (!(await hdfs.makeFolder(path, signal)))
    throw new ExecutorError("BadRequest", `mkdirs ${path}: a file stands in the way`);
}

async function writeFile({ hdfs, signal }: Saving, place: string, content: FileContent): Promise<void> {
  let sentBytes = 0;
  const payload = {
    sizeBytes: content.sizeBytes,
    open: () => {
      const stream = content.open();
      sentBytes = 0;
      const count = async function* () {
        for await (const chunk of stream as AsyncIterable<Uint8Array>) {
          sentBytes += chunk.byteLength;
          yield chunk;
        }
      };
      return byteStream(count());
    },
  };
  const tries = new Tries(hdfs.policy);
  for (;;) {
    try {
      await hdfs.write(place, payload, signal);
      break;
    } catch (error) {
      if (!content.replayable) throw error;
      await tries.pause(error, signal);
    }
  }
  const stored = await hdfs.status(place, signal);
  if (stored?.sizeBytes !== sentBytes)
    throw new ExecutorError(
      "Corrupt",
      `create ${place}: ${stored?.sizeBytes ?? 0} bytes are stored of ${sentBytes}`,
    );
}

/** Over what is there only with `force`; a directory that is replaced goes first, for rename(2) leaves it alone. */
async function rename({ hdfs, isForced, signal }: Saving, from: string, to: string): Promise<void> {
  if (isForced) await hdfs.remove(to, signal);
  if (!(await hdfs.rename(from, to, signal))) throw exists(to);
}

function exists(path: string): ExecutorError {
  return new ExecutorError("Conflict", `create ${path}: file already exists; set hdfs.force to replace it`);
}
