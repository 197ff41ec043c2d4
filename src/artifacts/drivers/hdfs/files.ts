import { ExecutorError } from "../../../errors/index.ts";
import type { Payload } from "../../../http/index.ts";
import type { RetryPolicy } from "../../../retry/index.ts";

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
  /** With all that is below; done where nothing is. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** The bytes of a file from `offset` on. One try: who reads knows how far he came. */
  read(path: string, offset: number, status: FileStatus, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Makes a file, 0644, over what is there. One try, for the payload may be readable once only. */
  write(path: string, payload: Payload, signal: AbortSignal): Promise<void>;
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
