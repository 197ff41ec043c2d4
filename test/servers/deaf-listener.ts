import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Python, for a server in Node takes every connection at once. */
const script = `
import socket, sys, threading
target = (sys.argv[1], int(sys.argv[2]))
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
address = listener.getsockname()
# The queue is full with these: whoever comes next gets no answer to its SYN.
fillers = []
for _ in range(8):
    filler = socket.socket()
    filler.settimeout(0.3)
    try:
        filler.connect(address)
        fillers.append(filler)
    except OSError:
        filler.close()
        break
print(address[1], flush=True)
sys.stdin.readline()
def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(client):
    if client.getpeername() in [filler.getsockname() for filler in fillers]:
        return
    server = socket.create_connection(target)
    threading.Thread(target=copy, args=(client, server), daemon=True).start()
    copy(server, client)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
`;

export interface DeafListener extends AsyncDisposable {
  /** `HOST:PORT`. */
  readonly endpoint: string;
  /** The local ports of attempts that wait for an answer at this moment (proc(5), `/proc/net/tcp`). */
  attempts(): readonly string[];
  /** From now on connections are taken, and lead to the server behind. */
  listen(): void;
}

/** A server that answers no connection attempt at all, as behind a firewall, until it is told to. */
export async function startDeafListener(target: string): Promise<DeafListener> {
  const [host = "", port = ""] = target.split(":");
  const child: ChildProcess = spawn("python3", ["-c", script, host, port], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const [ownPort] = (await once(lines, "line")) as [string];
  return {
    endpoint: `127.0.0.1:${ownPort}`,
    attempts: () => synSent(Number(ownPort)),
    listen: () => void child.stdin?.write("\n"),
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      lines.close();
      await exited;
    },
  };
}

function synSent(port: number): readonly string[] {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").trim().split("\n").slice(1);
  return lines.flatMap((line) => {
    const [, local = "", to, state] = line.trim().split(/\s+/);
    return to === remote && state === "02" ? [local] : [];
  });
}
