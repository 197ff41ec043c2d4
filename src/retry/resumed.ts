import { isExecutorError } from "../errors/index.ts";
import type { RetryPolicy } from "./policy.ts";
import { Tries } from "./tries.ts";

/**
 * The bytes of something that can be taken up anywhere: `open` yields those from an offset to the end, and fails where
 * it breaks off before. What is broken off is opened again at the byte reached, at once as long as every try brings
 * something; tries that bring nothing use up the policy.
 */
export async function* resumed(
  open: (reached: number) => AsyncIterable<Uint8Array>,
  policy: RetryPolicy,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const tries = new Tries(policy);
  for (let reached = 0; ; ) {
    const before = reached;
    try {
      for await (const chunk of open(reached)) {
        reached += chunk.byteLength;
        yield chunk;
      }
      return;
    } catch (error) {
      // What was repeated inside already is over.
      if (!isExecutorError(error, "Transient") || error.reason === "Exhausted") throw error;
      signal.throwIfAborted();
      if (policy.repeats?.(error) === false) throw error;
      if (reached > before) tries.restart();
      else await tries.pause(error, signal);
    }
  }
}
