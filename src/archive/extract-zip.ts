import { ExecutorError } from "../errors/index.ts";
import type { ExtractOptions } from "./extract-tar.ts";

export async function extractZip(
  _source: AsyncIterable<Uint8Array>,
  _directory: string,
  _options: ExtractOptions,
  _signal: AbortSignal,
): Promise<void> {
  throw new ExecutorError("Unsupported", "zip archives cannot be unpacked yet");
}
