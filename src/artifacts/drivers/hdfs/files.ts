import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import type { Payload } from "../../../http/index.ts";
import type { RetryPolicy } from "../../../retry/index.ts";
import type { ByteRange } from "../../../streams/index.ts";

export interface FileStatus {
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  /** With the size, what tells one content of a path from another. */
  readonly modifiedMs: number;
}

/** The files of one cluster, by whatever protocol. Paths are absolute and plain. */
export interface HdfsFiles extends Disposable {
  /** How often and how patiently what failed is tried again. */
  readonly policy: RetryPolicy;
  /** Undefined where nothing is. */
  status(path: string, signal: AbortSignal): Promise<FileStatus | undefined>;
  /** Name and status of what a directory holds, in the server's order, which goes forward. */
  entries(path: string, signal: AbortSignal): AsyncIterable<readonly [string, FileStatus]>;
  /** Makes a folder and those above it, 0777. False where a file stands in the way. */
  makeFolder(path: string, signal: AbortSignal): Promise<boolean>;
  /** False where something is at `to` already. */
  rename(from: string, to: string, signal: AbortSignal): Promise<boolean>;
  /**
   * A file takes another one's place, in one step. False where the server does not do that, where a directory is at `to`,
   * or something is missing: whoever cares looks.
   */
  replace(from: string, to: string, signal: AbortSignal): Promise<boolean>;
  /** With all that is below; done where nothing is. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** A file, or a directory without anything in it; done where nothing is. False for a directory with something in it. */
  removeAlone(path: string, signal: AbortSignal): Promise<boolean>;
  /** Sets a file's time, in milliseconds since the epoch. */
  setModified(path: string, modifiedMs: number, signal: AbortSignal): Promise<void>;
  /** A range of a file's bytes. One try: who reads knows how far he came. */
  read(path: string, range: ByteRange, status: FileStatus, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Makes a file, 0644, over what is there. One try, for the payload may be readable once only. */
  write(path: string, payload: Payload, signal: AbortSignal): Promise<void>;
}

/** False where what is there, or is not, stands in the way of the operation. */
export async function isDone(operation: () => Promise<boolean>): Promise<boolean> {
  try {
    return await operation();
  } catch (error) {
    if (isExecutorError(error, "NotFound", "Conflict", "BadRequest")) return false;
    throw error;
  }
}

/** Checks a name of a listing: it goes forward, by bytes, and leads nowhere else. @throws Corrupt */
export function expectNext(name: string, before: string, during: string): void {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
    throw new ExecutorError("Corrupt", `${during}: the server names an entry that is no name of a file`);
  // A server that repeats itself would go on for ever.
  if (Buffer.compare(Buffer.from(name), Buffer.from(before)) <= 0) throw notForward(during);
}

export function notForward(during: string): ExecutorError {
  return new ExecutorError("Corrupt", `${during}: the server's listing does not go forward`);
}
