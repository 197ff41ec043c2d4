import type { Readable } from "node:stream";
import type { FileContent, TreeContent } from "../streams/index.ts";

/** What stands at an output path. */
export type OutputKind =
  | { readonly kind: "file"; readonly sizeBytes: number }
  | { readonly kind: "directory" };

/**
 * Output files, wherever they are: in main's own file system, served by its emissary, or on a volume that this
 * container has mounted too. Paths are main's. What is missing throws NotFound with "no such file or directory".
 */
export interface OutputFiles {
  /** Throws BadRequest for what is neither file nor directory. */
  look(path: string, signal: AbortSignal): Promise<OutputKind>;
  /** A regular file of `sizeBytes` bytes; it can be read again, in ranges. */
  file(path: string, sizeBytes: number, signal: AbortSignal): FileContent;
  /** The files of a directory, without the directories themselves. */
  tree(path: string, signal: AbortSignal): TreeContent;
  /** A tar stream of a file or directory (docs/contract/artifacts.md#6.1). */
  tar(path: string, signal: AbortSignal): Readable;
  /** All of a small file. Throws TooLarge beyond `bytesMax`. */
  readSmall(path: string, bytesMax: number, signal: AbortSignal): Promise<Buffer>;
}
