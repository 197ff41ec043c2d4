import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A server program that is running. */
export interface Program extends AsyncDisposable {
  /** `HOST:PORT`. */
  readonly endpoint: string;
}

/** Starts a program on a free port and waits until `path` answers at all. */
export async function startProgram(
  command: string,
  args: (endpoint: string, port: number) => readonly string[],
  { env = {}, path = "/" }: { env?: Readonly<Record<string, string>>; path?: string } = {},
): Promise<Program> {
  const port = await freePort();
  const endpoint = `127.0.0.1:${port}`;
  const child = spawn(command, args(endpoint, port), {
    env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", ...env },
    stdio: "ignore",
  });
  await untilItAnswers(`http://${endpoint}${path}`, child);
  return {
    endpoint,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** A port of this host that nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function untilItAnswers(url: string, child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    try {
      await (await fetch(url)).arrayBuffer();
      return;
    } catch (error) {
      if (performance.now() > deadlineMs || child.exitCode !== null) throw error;
    }
    // These programs tell nobody that they are ready.
    await sleep(50);
  }
}

/** Resolves when something listens there; servers that tell nobody that they are ready leave only asking. */
export async function untilItListens(port: number): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const socket = connect(port, "127.0.0.1");
    const isThere = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await sleep(100);
  }
  throw new Error(`nothing listens at port ${port}`);
}
