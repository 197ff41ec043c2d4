import { ExecutorError, isExecutorError } from "../errors/index.ts";
import { resumed } from "../retry/index.ts";
import type { ByteRange, ByteSink } from "../streams/index.ts";
import type { ObjectInfo, ObjectStore } from "./object-store.ts";
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
      verification.heard(await store.getInto(info, rest(), counting, signal));
      // An answer that ends early may come from anything between the store and us.
      if (reached < range.length) throw new ExecutorError("Transient", `${info.key}: unexpected EOF`);
    } catch (error) {
      // A try that brought something is no failure: the next one goes on from there.
      if (reached === before || !isExecutorError(error, "Transient")) throw error;
    }
  };
  while (reached < range.length) await channel.request(attempt, signal);
}

/** The chunks of a range. A connection that breaks is taken up again at the byte reached. */
export async function* rangeChunks(
  source: Source,
  { offset, length }: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { store, info, channel, verification } = source;
  if (length === 0) return;
  const open = async function* (reached: number) {
    const isWhole = reached === 0 && offset === 0 && length === info.sizeBytes;
    const rest = isWhole ? undefined : { offset: offset + reached, length: length - reached };
    const body = await channel.request(() => store.get(info, rest, signal), signal);
    verification.heard(body);
    let left = length - reached;
    for await (const chunk of body.chunks) {
      left -= chunk.byteLength;
      if (left < 0) {
        throw new ExecutorError("Corrupt", `${info.key}: the store sent more bytes than were asked for`);
      }
      yield chunk;
    }
    if (left > 0) throw new ExecutorError("Transient", `${info.key}: unexpected EOF`);
  };
  try {
    yield* resumed(open, channel.policy, signal);
  } catch (error) {
    if (!isExecutorError(error, "Transient") || error.reason === "Exhausted") throw error;
    throw ExecutorError.exhausted(error);
  }
}
