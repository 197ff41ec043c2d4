import { wait } from "../src/wait/index.ts";
import type { Invocation } from "./invocation.ts";
import { phaseCommand } from "./phases.ts";

/** `argoexec wait`: the auxiliary container of the legacy layout. */
export async function waitCommand(invocation: Invocation): Promise<number> {
  return phaseCommand("wait", invocation, ({ config, tools }) =>
    wait(config, tools, new AbortController().signal),
  );
}
