import { ExecutorError } from "../errors/index.ts";
import type { OutputFiles } from "./output-files.ts";

/** Outputs in a file system that is gone, or was never served: each is missing, for the one reason given. */
export function missingFiles(reason: string): OutputFiles {
  const missing = (path: string): never => {
    throw new ExecutorError("NotFound", `open ${path}: no such file or directory: ${reason}`);
  };
  return {
    look: async (path) => missing(path),
    file: missing,
    tree: missing,
    tar: missing,
    readSmall: async (path) => missing(path),
  };
}
