import { ExecutorError } from "../../../../errors/index.ts";
import { type RetryPolicy, retry } from "../../../../retry/index.ts";
import { isAbsent } from "../either-hdfs.ts";
import { StandbyError } from "../errors.ts";
import type { Address } from "./pipe.ts";
import { RpcConnection, type RpcIdentity } from "./rpc.ts";
import { Fields, type Message } from "./wire.ts";

/** The name nodes of a cluster, of which one is active. */
export class NameNodes {
  readonly #addresses: readonly Address[];
  readonly #identity: RpcIdentity;
  readonly #policy: RetryPolicy;
  readonly #connections = new Map<number, Promise<RpcConnection>>();
  /** Ends with the driver, and not with the call that opened a connection. */
  readonly #closing = new AbortController();
  /** The one that answered last. */
  #active = 0;

  constructor(addresses: readonly Address[], identity: RpcIdentity, policy: RetryPolicy) {
    this.#addresses = addresses;
    this.#identity = identity;
    this.#policy = policy;
  }

  /** An operation of ClientProtocol, repeated while what is wrong will probably pass. */
  async call(method: string, request: Message, during: string, signal: AbortSignal): Promise<Fields> {
    const attempt = () => this.ask(method, request, during, signal);
    return new Fields(await retry(this.#policy, attempt, signal));
  }

  close(): void {
    this.#closing.abort(new ExecutorError("Cancelled", "the driver was closed"));
  }

  get names(): string {
    return this.#addresses.map(({ host, port }) => `${host}:${port}`).join(", ");
  }

  /** One try: asks one name node after the other, beginning with the one that answered last. */
  async ask(method: string, request: Message, during: string, signal: AbortSignal): Promise<Buffer> {
    let failure: unknown;
    for (let tries = 0; tries < this.#addresses.length; tries += 1) {
      const index = (this.#active + tries) % this.#addresses.length;
      try {
        const connection = await this.#connectionTo(index);
        signal.throwIfAborted();
        const answer = await connection.call(method, request, during, signal);
        this.#active = index;
        return answer;
      } catch (error) {
        const isElsewhere = error instanceof StandbyError || isAbsent(error);
        // The active one's word counts more than that of those that are not.
        if (!(error instanceof StandbyError) || failure === undefined) failure = error;
        if (!isElsewhere) throw error;
      }
    }
    throw failure;
  }

  async #connectionTo(index: number): Promise<RpcConnection> {
    const pending = this.#connections.get(index);
    if (pending !== undefined) {
      const known = await pending.catch(() => undefined);
      if (known?.isOpen === true) return known;
      // Others may have opened another one meanwhile.
      if (this.#connections.get(index) === pending) this.#connections.delete(index);
      return await this.#connectionTo(index);
    }
    const address = this.#addresses[index];
    if (address === undefined) throw new ExecutorError("Internal", "there is no such name node");
    const opening = RpcConnection.open(address, this.#identity, this.#closing.signal);
    opening.catch(() => {});
    this.#connections.set(index, opening);
    return await opening;
  }
}
