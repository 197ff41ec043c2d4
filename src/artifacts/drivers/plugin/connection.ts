import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError, errorText, isExecutorError } from "../../../errors/index.ts";
import { connectGrpc, type GrpcChannel } from "../../../grpc/index.ts";
import type { PluginConfig } from "./config.ts";
import { socketWaitMs, waitForSocket } from "./socket.ts";

/** A server that has bound its socket and does not listen yet refuses; it is asked again after this. */
const againMs = 50;

/** One connection to a plugin, for all artifacts that lie there: made when it is needed, and again when it broke. */
export class PluginConnection {
  readonly name: string;
  readonly #config: PluginConfig;
  readonly #socketWaitMs: number;
  #channel: GrpcChannel | undefined;
  #connecting: Promise<GrpcChannel> | undefined;
  /** What the plugin said of itself; asked once. */
  savesStreams: boolean | undefined;
  #users = 0;

  constructor(config: PluginConfig, socketWaitMs: number) {
    this.name = config.name;
    this.#config = config;
    this.#socketWaitMs = socketWaitMs;
  }

  /** Counts a driver in; the connection is closed when the last one lets go. */
  share(): this {
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#channel?.[Symbol.dispose]();
    this.#channel = undefined;
  }

  /** @throws with the reference's `failed to create plugin driver for <name>: ` in front */
  async channel(signal: AbortSignal): Promise<GrpcChannel> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#channel?.isOpen) return this.#channel;
      const isOurs = this.#connecting === undefined;
      this.#connecting ??= this.#connect(signal);
      try {
        return await this.#connecting;
      } catch (error) {
        // Another artifact's attempt may have been stopped, which says nothing of the plugin.
        if (isOurs || !isExecutorError(error)) signal.throwIfAborted();
        if (isOurs || isExecutorError(error)) {
          throw ExecutorError.wrap(error, `failed to create plugin driver for ${this.name}`);
        }
      }
    }
  }

  async #connect(signal: AbortSignal): Promise<GrpcChannel> {
    try {
      await waitForSocket(this.#config, this.#socketWaitMs, signal);
      this.#channel = await this.#open(signal);
      return this.#channel;
    } finally {
      this.#connecting = undefined;
    }
  }

  /** Tries until the plugin speaks HTTP/2, or the connection timeout is over. */
  async #open(signal: AbortSignal): Promise<GrpcChannel> {
    const { connectTimeoutMs, socketPath } = this.#config;
    const deadline = AbortSignal.timeout(connectTimeoutMs);
    const either = AbortSignal.any([signal, deadline]);
    let last = "CONNECTING";
    let why = "the plugin has said nothing";
    for (;;) {
      try {
        return await connectGrpc({ socketPath }, either);
      } catch (cause) {
        signal.throwIfAborted();
        if (deadline.aborted) {
          const text = `timeout waiting for plugin ${this.name} connection to become ready, last state: ${last} (socket="${socketPath}")`;
          throw new ExecutorError("Timeout", `${text}: ${why}`, { cause });
        }
        last = "TRANSIENT_FAILURE";
        why = errorText(cause);
      }
      // Told to stop, or out of time: the next try says which.
      await sleep(againMs, undefined, { signal: either }).catch(() => {});
    }
  }
}

/** By the plugin's name and how long it is waited for. */
export type PluginConnections = Map<string, PluginConnection>;

/** The connection to a plugin that is shared by those who hand over the same `connections`. */
export function connectionTo(
  config: PluginConfig,
  places: { readonly connections: PluginConnections; readonly socketWaitMs?: number },
): PluginConnection {
  const id = `${config.name} ${config.connectTimeoutMs}`;
  const known = places.connections.get(id);
  const connection = known ?? new PluginConnection(config, places.socketWaitMs ?? socketWaitMs);
  places.connections.set(id, connection);
  return connection.share();
}
