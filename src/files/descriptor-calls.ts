/**
 * File system calls as promises over descriptors. `fs/promises` makes an object and a finalizer for
 * every file; with 100,000 small files that is a third of the time.
 */
import * as fs from "node:fs";
import { promisify } from "node:util";

export const open = promisify(fs.open);
export const close = promisify(fs.close);
export const fstat = promisify(fs.fstat);
export const futimes = promisify(fs.futimes);
export const fchmod = promisify(fs.fchmod);
export const ftruncate = promisify(fs.ftruncate);

/** Reads up to `length` bytes at `position` into `buffer`; resolves to how many there were, 0 at the end. */
export function read(
  fd: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, buffer, offset, length, position, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** Writes all of `buffer` at `position`. */
export async function write(fd: number, buffer: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < buffer.length; ) {
    done += await new Promise<number>((resolve, reject) => {
      fs.write(fd, buffer, done, buffer.length - done, position + done, (error, count) =>
        error ? reject(error) : resolve(count),
      );
    });
  }
}
