import { joinTunnel } from "../src/artifacts/drivers/git/tunnel.ts";
import { ExecutorError } from "../src/errors/index.ts";
import { readCaRoots, readProxies } from "./environment.ts";
import type { Invocation } from "./invocation.ts";
import { catchTerm } from "./signals.ts";

/**
 * `argoexec ssh-tunnel HOST PORT`: joins standard input and output to a server through the proxy of the environment.
 * ssh runs it while a git artifact is loaded (src/artifacts/drivers/git/surroundings.ts), nobody else does.
 */
export async function sshTunnelCommand({ args, env }: Invocation): Promise<number> {
  const { stop } = catchTerm();
  const [host = "", text = ""] = args;
  const port = Number(text);
  if (host === "" || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new ExecutorError("BadRequest", "ssh-tunnel wants a host and a port, such as: github.com 22");
  }
  const target = { host, port, proxy: readProxies(env), caPem: await readCaRoots(env) };
  await joinTunnel(target, { input: process.stdin, output: process.stdout }, stop);
  return 0;
}
