import { ExecutorError, errorText, exitStatusError } from "../src/errors/index.ts";
import { writeTerminationMessage } from "../src/podfiles/index.ts";
import { podPaths } from "./environment.ts";
import { asksForHelp, findCommand } from "./flags.ts";
import type { Invocation } from "./invocation.ts";

type Command = (invocation: Invocation) => Promise<number>;

/** Each command is loaded when it is called for: a pod pays for nothing that it does not use. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import("./init.ts")).initCommand,
  wait: async () => (await import("./wait.ts")).waitCommand,
  supervisor: async () => (await import("./supervisor.ts")).supervisorCommand,
  "artifact-plugin-init": async () => (await import("./artifact-plugin-init.ts")).artifactPluginInitCommand,
  agent: async () => (await import("./agent.ts")).agentCommand,
  run: async () => (await import("./run.ts")).runCommand,
  sync: async () => (await import("./sync.ts")).syncCommand,
  resource: async () => (await import("./resource.ts")).resourceCommand,
  data: async () => (await import("./data.ts")).dataCommand,
  artifact: async () => (await import("./artifact.ts")).artifactCommand,
  "ssh-tunnel": async () => (await import("./ssh-tunnel.ts")).sshTunnelCommand,
  expr: async () => {
    const { exprCommand } = await import("./expr.ts");
    return ({ args }) => exprCommand(args, process);
  },
};

/** Commands that speak to a terminal, or to the program that runs them, and not to the kubelet. */
const deskCommands = ["expr", "run", "sync", "ssh-tunnel"];

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const at = findCommand(args);
  const name = args[at];
  const isHelp = name === undefined || name === "help";
  try {
    if (isHelp || (name !== "expr" && asksForHelp(args))) {
      if (args[at + 1] === "expr") {
        const { exprCommand } = await import("./expr.ts");
        return await exprCommand(["--help"], process);
      }
      const { helpOf } = await import("./help.ts");
      process.stdout.write(helpOf(name === "help" ? args[at + 1] : name));
      return 0;
    }
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!load) {
      const text = `unknown command "${name}" for "argoexec"; argoexec --help lists the commands`;
      throw new ExecutorError("BadRequest", text);
    }
    const command = await load();
    const status = await command({ args: args.toSpliced(at, 1), env: process.env });
    if (deskCommands.includes(name)) await writtenOut();
    return status;
  } catch (error) {
    return fail(error, name !== undefined && deskCommands.includes(name));
  }
}

/** What is written to a pipe waits here for who reads it, and would be lost with the process. */
async function writtenOut(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    if (stream.writableLength > 0) await new Promise((done) => stream.write("", done));
}

/** Says what went wrong on standard error, and to the kubelet, which shows it to the user (docs/contract/pod.md#1.3). */
function fail(error: unknown, isDesk: boolean): number {
  const text = errorText(error);
  process.stderr.write(`Error: ${text}\n`);
  if (!(error instanceof ExecutorError) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (!isDesk) {
    try {
      writeTerminationMessage(podPaths(process.env).terminationLog, text);
    } catch (cause) {
      process.stderr.write(`the termination message could not be written: ${errorText(cause)}\n`);
    }
  }
  return exitStatusError;
}

process.on("uncaughtException", (error) => process.exit(fail(error, false)));
// What is still open (kept connections, a plugin's channel) must not keep the container alive.
void main().then((status) => process.exit(status));
