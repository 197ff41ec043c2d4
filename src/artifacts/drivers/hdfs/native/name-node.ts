import { ExecutorError } from "../../../../errors/index.ts";
import { type RetryPolicy, retry } from "../../../../retry/index.ts";
import { ActiveFirst } from "../active-first.ts";
import type { Address } from "./pipe.ts";
import { RpcConnection, type RpcIdentity } from "./rpc.ts";
import { Fields, type Message } from "./wire.ts";

/** The name nodes of a cluster, of which one is active. */
export class NameNodes {
  readonly #addresses: readonly Address[];
  readonly #nodes: ActiveFirst<Address>;
  readonly #identity: RpcIdentity;
  readonly #policy: RetryPolicy;
  readonly #connections = new Map<Address, Promise<RpcConnection>>();
  /** Ends with the driver, and not with the call that opened a connection. */
  readonly #closing = new AbortController();

  constructor(addresses: readonly Address[], identity: RpcIdentity, policy: RetryPolicy) {
    this.#addresses = addresses;
    this.#nodes = new ActiveFirst(addresses);
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
    return await this.#nodes.ask(async (address) => {
      const connection = await this.#connectionTo(address);
      signal.throwIfAborted();
      return await connection.call(method, request, during, signal);
    });
  }

  async #connectionTo(address: Address): Promise<RpcConnection> {
    const pending = this.#connections.get(address);
    if (pending !== undefined) {
      const known = await pending.catch(() => undefined);
      if (known?.isOpen === true) return known;
      // Others may have opened another one meanwhile.
      if (this.#connections.get(address) === pending) this.#connections.delete(address);
      return await this.#connectionTo(address);
    }
    const opening = RpcConnection.open(address, this.#identity, this.#closing.signal);
    opening.catch(() => {});
    this.#connections.set(address, opening);
    return await opening;
  }
}
