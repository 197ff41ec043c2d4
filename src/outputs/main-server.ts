import { once } from "node:events";
import { connect, type OnReadOpts, type Socket } from "node:net";
import { ExecutorError } from "../errors/index.ts";
import { containerFiles, openContainer, type PodPaths } from "../podfiles/index.ts";
import type { Connection, OutputServer } from "./output-server.ts";

/**
 * Main's emissary, which serves main's own files after the user's command has ended (native/README.md, "Serving
 * outputs"). Each request has a connection of its own, so that requests may run side by side.
 */
export class MainServer implements OutputServer {
  readonly name = "main";
  readonly #paths: PodPaths;

  constructor(paths: PodPaths) {
    this.#paths = paths;
  }

  async connect(signal: AbortSignal, onread?: OnReadOpts): Promise<Connection> {
    await using folder = await openContainer(this.#paths, "main");
    const path = await folder?.socketPath(containerFiles.outputs);
    if (path === undefined) throw notServed("there is no socket");
    const socket = connect({ path, signal, ...(onread && { onread }) });
    try {
      await once(socket, "connect", { signal });
      return { socket, isReadInto: onread !== undefined, release: () => void socket.destroy() };
    } catch (cause) {
      socket.destroy();
      // The socket is there, and nobody behind it: its path would tell a user nothing (unix(7), ECONNREFUSED).
      const isAlone = (cause as NodeJS.ErrnoException).code === "ECONNREFUSED";
      throw notServed(
        isAlone ? "the container was killed after its command had ended" : (cause as Error).message,
        cause,
      );
    }
  }

  /** Lets the emissary go: it exits with the user's code. It may be gone already. */
  async release(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#releaseBySocket(signal), this.#releaseByFile()]);
  }

  async #releaseBySocket(signal: AbortSignal): Promise<void> {
    let socket: Socket | undefined;
    try {
      ({ socket } = await this.connect(signal));
      socket.end("release\n");
      socket.resume();
      // Whoever took the emissary's place may keep the connection open: nothing depends on it any more.
      await once(socket, "close", { signal: AbortSignal.any([signal, AbortSignal.timeout(releaseMs)]) });
    } catch {
      // Nobody listens: the emissary has ended by itself, which is what we wanted.
    } finally {
      socket?.destroy();
    }
  }

  /** Where the volume has no sockets. */
  async #releaseByFile(): Promise<void> {
    try {
      await using folder = await openContainer(this.#paths, "main");
      if (await folder?.has(containerFiles.handed)) await folder?.publish(containerFiles.released, "", 0o644);
    } catch {
      // The folder is no longer the emissary's: there is nobody to release.
    }
  }
}

function notServed(why: string, cause?: unknown): ExecutorError {
  return new ExecutorError("NotFound", `main no longer serves its outputs: ${why}`, { cause });
}

const releaseMs = 5000;
