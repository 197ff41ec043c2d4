import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { type Pod, until } from "./program.ts";

export interface Answer {
  /** The text of the `S` frame. */
  readonly status: string | undefined;
  readonly data: Buffer;
  readonly warnings: readonly string[];
  /** The texts of the `N` frames. */
  readonly names: readonly string[];
  /** The text of the `X` frame that ended the answer. */
  readonly error: string | undefined;
}

/** Speaks the outputs socket's protocol (native/README.md, "Serving outputs"). */
export class OutputsClient {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #length = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#length += chunk.length;
    });
    socket.on("error", () => {
      // The end of the connection is what the tests look at.
    });
  }

  static async open(pod: Pod, container = "main"): Promise<OutputsClient> {
    await until("the socket", () => existsSync(pod.container(container, "outputs")));
    // Through the folder's descriptor, for a temporary folder may have a longer name than an address holds.
    const folder = openSync(pod.container(container), "r");
    const socket = connect(`/proc/self/fd/${folder}/outputs`);
    await once(socket, "connect");
    closeSync(folder);
    return new OutputsClient(socket);
  }

  /** The same over the socket pair of a program that serves a volume. */
  static overPair(socket: Socket): OutputsClient {
    return new OutputsClient(socket);
  }

  send(line: string): void {
    this.#socket.write(line);
  }

  /** @param onStatus runs when the `S` frame has come, before more is read */
  async ask(line: string, onStatus?: () => void): Promise<Answer> {
    this.send(`${line}\n`);
    const answer = {
      status: undefined as string | undefined,
      data: [] as Buffer[],
      warnings: [] as string[],
      names: [] as string[],
    };
    for (;;) {
      const [type, body] = await this.#frame();
      if (type === "S") {
        answer.status = body.toString();
        onStatus?.();
      }
      if (type === "D") answer.data.push(body);
      if (type === "W") answer.warnings.push(body.toString());
      if (type === "N") answer.names.push(body.toString());
      const isLast = type === "E" || type === "X" || (type === "S" && line.startsWith("stat "));
      if (isLast)
        return {
          ...answer,
          data: Buffer.concat(answer.data),
          error: type === "X" ? body.toString() : undefined,
        };
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #frame(): Promise<[string, Buffer]> {
    const header = await this.#take(9);
    return [header.toString("latin1", 0, 1), await this.#take(Number(header.readBigUInt64BE(1)))];
  }

  async #take(length: number): Promise<Buffer> {
    await until(`${length} bytes`, () => this.#length >= length, 30_000);
    const all = Buffer.concat(this.#received);
    this.#received = [all.subarray(length)];
    this.#length -= length;
    return all.subarray(0, length);
  }
}
