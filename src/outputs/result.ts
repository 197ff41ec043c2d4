import { open } from "node:fs/promises";
import { resultBytesMax } from "../podfiles/index.ts";

/**
 * The script result: the end of main's standard output without one trailing newline, 262,144 bytes at most
 * (contract pod.md 5.6 step 4). The cut never splits a character.
 */
export async function readResult(stdoutPath: string): Promise<string> {
  const file = await open(stdoutPath);
  try {
    const { size } = await file.stat();
    // One byte more than fits: the newline that goes.
    const start = Math.max(0, size - resultBytesMax - 1);
    const buffer = Buffer.alloc(size - start);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return lastBytes(withoutNewline(buffer.subarray(0, filled)), resultBytesMax).toString("utf8");
  } finally {
    await file.close();
  }
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
