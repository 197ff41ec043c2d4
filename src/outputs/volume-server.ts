import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { ExecutorError } from "../errors/index.ts";
import type { Connection, OutputServer } from "./output-server.ts";

/** What is served of this container's file system. */
export interface VolumeView {
  /** The folder below which paths of main are. */
  readonly root: string;
  /** Links that begin with this folder's name are followed to it: the input artifacts of the init-less layout. */
  readonly inputs: string;
  /** Paths below the root at which volumes are links, as they are on a desk. */
  readonly mounts: readonly string[];
}

interface Server {
  readonly child: ChildProcess;
  readonly socket: Socket;
}

/**
 * The static program as a child, which reads main's volumes for us from open folders, as main's emissary reads main's
 * own files: Node cannot (native/README.md, "Serving outputs"). One program serves one connection, on a socket pair; it
 * is kept for the next request.
 */
export class VolumeServer implements OutputServer, AsyncDisposable {
  readonly name = "the reader of volumes";
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #idle: Server[] = [];
  readonly #children = new Set<ChildProcess>();

  constructor(program: string, { root, inputs, mounts }: VolumeView) {
    this.#program = program;
    const flags = mounts.flatMap((mount) => ["--mount", mount]);
    this.#args = ["serve-files", "--root", root, "--inputs", inputs, ...flags];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#idle.splice(0)) socket.destroy();
    const gone = [...this.#children].map((child) => new Promise((resolve) => child.once("close", resolve)));
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(gone);
  }

  async connect(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const server = this.#idle.pop() ?? this.#start();
    const { socket } = server;
    const abort = () => void socket.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    return {
      socket,
      isReadInto: false,
      release: (isComplete) => {
        signal.removeEventListener("abort", abort);
        if (isComplete && !socket.destroyed) this.#idle.push(server);
        else socket.destroy();
      },
    };
  }

  #start(): Server {
    // Loaded where it is needed: most pods have no outputs on volumes.
    const { spawn } = process.getBuiltinModule("node:child_process");
    const child = spawn(this.#program, this.#args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
    const socket = child.stdio[3] as Socket;
    this.#children.add(child);
    child.once("close", () => this.#children.delete(child));
    child.once("error", (cause) => {
      this.#children.delete(child);
      const text = `${this.#program} serve-files cannot be started: ${cause.message}`;
      socket?.destroy(new ExecutorError("Internal", text, { cause }));
    });
    // Errors are told by whoever reads; a connection that is kept has no reader.
    socket.on("error", () => {});
    return { child, socket };
  }
}
