import { type Outcome, outcomeOfError, syncStatus } from "../src/sync/index.ts";
import { findCommand } from "./flags.ts";
import type { Invocation } from "./invocation.ts";
import { catchTerm } from "./signals.ts";
import { type OpenCall, openCall, type SyncSubcommand } from "./sync-call.ts";

/** Each command is loaded when it is called for. */
const subcommands: Readonly<Record<string, () => Promise<SyncSubcommand>>> = {
  orphans: async () => (await import("./sync-orphans.ts")).orphansCommand,
  rewrite: async () => (await import("./sync-rewrite.ts")).rewriteCommand,
  gc: async () => (await import("./sync-gc.ts")).gcCommand,
  plan: async () => (await import("./sync-copy.ts")).planCommand,
  run: async () => (await import("./sync-copy.ts")).runCommand,
  verify: async () => (await import("./sync-copy.ts")).verifyCommand,
};

/**
 * `argoexec sync COMMAND`: artifact repositories as a whole (docs/sync.md). The exit status is one of `syncStatus`, and
 * the last line on standard error says what to do.
 */
export async function syncCommand({ args, env }: Invocation): Promise<number> {
  const { stop } = catchTerm();
  const at = findCommand(args);
  const name = args[at];
  const load = name !== undefined && Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (load === undefined) {
    const names = Object.keys(subcommands).join(", ");
    return tell({
      status: syncStatus.usage,
      advice: `${name === undefined ? "no command" : `unknown command "${name}"`} for "argoexec sync": give one of ${names}`,
    });
  }
  const subcommand = await load();
  let call: OpenCall | undefined;
  try {
    await using opened = await openCall(args.toSpliced(at, 1), env, subcommand, stop);
    call = opened;
    return tell(await subcommand.run(opened));
  } catch (error) {
    return tell(outcomeOfError(error, call?.hasBegun ?? false));
  }
}

function tell({ status, advice }: Outcome): number {
  process.stderr.write(`${advice}\n`);
  return status;
}
