import { ExecutorError } from "../errors/index.ts";
import { containerFiles, openContainer, type PodPaths, resultBytesMax } from "../podfiles/index.ts";

/**
 * The script result: the end of main's standard output without one trailing newline, 262,144 bytes at most
 * (docs/contract/pod.md#5.6 step 4). The cut never splits a character. Throws NotFound where nothing was captured.
 */
export async function readResult(paths: PodPaths): Promise<string> {
  await using main = await openContainer(paths, "main");
  // One byte more than fits: the newline that goes.
  const bytes = await main?.readEnd(containerFiles.result, resultBytesMax + 1);
  if (bytes === undefined) {
    const path = paths.containerFile("main", containerFiles.result);
    throw new ExecutorError("NotFound", `open ${path}: no such file or directory`);
  }
  return lastBytes(withoutNewline(bytes), resultBytesMax).toString("utf8");
}

/** The text without one trailing newline. */
export function withoutNewline(bytes: Buffer): Buffer {
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}

function lastBytes(bytes: Buffer, max: number): Buffer {
  if (bytes.length <= max) return bytes;
  let start = bytes.length - max;
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}
