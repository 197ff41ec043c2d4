import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError, isExecutorError } from "../errors/index.ts";
import { appendTo, type ByteSink } from "../http/index.ts";
import type { ByteRange, ObjectInfo, ObjectStore } from "./object-store.ts";
import type { Channel } from "./session.ts";
import type { Verification } from "./verification.ts";

export interface Source {
  readonly store: ObjectStore;
  readonly info: ObjectInfo;
  readonly channel: Channel;
  /** Is told what the store says of the object while it is read. */
  readonly verification: Verification;
}

/** The bytes of a range, moved into the sink; broken connections are taken up again as `rangeChunks` does. */
export async function rangeInto(
  source: Source,
  range: ByteRange,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<void> {
  const { store, info, channel, verification } = source;
  let reached = 0;
  const counting: ByteSink = {
    space: () => sink.space(),
    filled(bytes) {
      reached += bytes;
      sink.filled(bytes);
    },
  };
  const rest = () => ({ offset: range.offset + reached, length: range.length - reached });
  const attempt = async () => {
    const before = reached;
    try {
      const received = await store.getInto?.(info, rest(), counting, signal);
      if (received === undefined) return "impossible";
      verification.heard(received);
      return "done";
    } catch (error) {
      // A try that brought something is no failure: the next one goes on from there.
      if (reached > before && isExecutorError(error, "Transient")) return "interrupted";
      throw error;
    }
  };
  while (reached < range.length) {
    const outcome = await channel.request(attempt, signal);
    if (outcome !== "impossible") continue;
    for await (const chunk of rangeChunks(source, rest(), signal)) appendTo(counting, chunk);
  }
}

/**
 * The chunks of a range. A connection that breaks is taken up again at the byte reached, as long as every try brings
 * something; tries that bring nothing use up the policy.
 */
export async function* rangeChunks(
  source: Source,
  { offset, length }: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { store, info, channel, verification } = source;
  let reached = 0;
  let triesInVain = 0;
  while (reached < length) {
    const isWhole = reached === 0 && offset === 0 && length === info.sizeBytes;
    const rest = isWhole ? undefined : { offset: offset + reached, length: length - reached };
    const before = reached;
    try {
      const body = await channel.request(() => store.get(info, rest, signal), signal);
      verification.heard(body);
      for await (const chunk of body.chunks) {
        if (reached + chunk.byteLength > length) {
          throw new ExecutorError("Corrupt", `${info.key}: the store sent more bytes than were asked for`);
        }
        reached += chunk.byteLength;
        yield chunk;
      }
      if (reached < length) throw new ExecutorError("Transient", `${info.key}: unexpected EOF`);
    } catch (error) {
      if (!isExecutorError(error, "Transient") || error.message.startsWith("timed out waiting")) throw error;
      triesInVain = reached > before ? 0 : triesInVain + 1;
      const pause = channel.policy.pauses[triesInVain];
      if (pause === undefined) throw ExecutorError.wrap(error, "timed out waiting for the condition");
      await sleep(triesInVain === 0 ? 0 : pause.maxMs, undefined, { signal });
    }
  }
}
