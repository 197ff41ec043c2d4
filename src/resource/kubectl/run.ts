import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import type { Logger } from "../../log/index.ts";
import { exponential, retry } from "../../retry/index.ts";
import { type Command, type CommandResult, newCommand } from "./command.ts";
import { kubectlText } from "./failure.ts";
import { type Action, parseKubectl } from "./flags.ts";

/** kubectl's errors are tried again as long as they are of a kind that passes (docs/contract/roles.md#8.2). */
const policy = exponential({ attempts: 4, durationMs: 10, factor: 5, jitter: 0.1 });

/** Only the code of the command is loaded. */
const commands: Readonly<Record<Action, () => Promise<(command: Command) => Promise<CommandResult>>>> = {
  get: async () => (await import("./get.ts")).get,
  create: async () => (await import("./create.ts")).create,
  apply: async () => (await import("./apply.ts")).apply,
  delete: async () => (await import("./delete.ts")).deleteObjects,
  replace: async () => (await import("./replace.ts")).replace,
  patch: async () => (await import("./patch.ts")).patch,
};

/**
 * Does what `kubectl ACTION LINE…` would. Throws BadRequest, or what the server's refusal means, with the message that
 * kubectl prints behind `no more retries`.
 */
export async function runKubectl(
  action: Action,
  line: readonly string[],
  client: KubeClient,
  log: Logger,
  signal: AbortSignal,
): Promise<CommandResult> {
  const act = await commands[action]();
  try {
    return await retry(
      policy,
      async () => act(newCommand(parseKubectl(action, line), client, log, signal)),
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    const code = isExecutorError(error) ? error.code : "Internal";
    throw new ExecutorError(code, `no more retries ${kubectlText(error)}`, { cause: error });
  }
}
