import { closeSync, openSync, readSync } from "node:fs";

/**
 * So many bytes that nobody can guess (random(4)). Straight from the kernel: loading `node:crypto` for them costs a pod
 * 28 ms of CPU at its start. Where there is no /dev/urandom it is loaded all the same.
 */
export function randomBytes(count: number): Buffer {
  let source: number;
  try {
    source = openSync("/dev/urandom", "r");
  } catch {
    // A root folder without devices; no container has one.
    return process.getBuiltinModule("node:crypto").randomBytes(count);
  }
  try {
    const bytes = Buffer.alloc(count);
    // Up to 256 bytes come with one read, always.
    readSync(source, bytes);
    return bytes;
  } finally {
    closeSync(source);
  }
}
