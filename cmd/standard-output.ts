import { ExecutorError, errorText } from "../src/errors/index.ts";

/**
 * Writes to standard output; resolves when it has gone there, which a pipe's reader decides. One that has left has what
 * it wanted. Throws where the output cannot be kept, as on a full disk.
 */
export async function printOut(text: string): Promise<void> {
  // What goes wrong with a write is told to its own callback.
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error || (error as NodeJS.ErrnoException).code === "EPIPE") resolve();
      else reject(new ExecutorError("BadRequest", `standard output cannot be written: ${errorText(error)}`));
    });
  });
}
