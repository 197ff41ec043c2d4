import { wait } from "../src/wait/index.ts";
import { auxiliaryCommand } from "./auxiliary.ts";
import type { Invocation } from "./invocation.ts";

/** `argoexec wait`: the auxiliary container of the legacy layout. */
export async function waitCommand(invocation: Invocation): Promise<number> {
  return auxiliaryCommand("wait", invocation, ({ config, tools }) =>
    wait(config, tools, new AbortController().signal),
  );
}
