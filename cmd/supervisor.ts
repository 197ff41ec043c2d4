import { supervisor } from "../src/supervisor/index.ts";
import type { Invocation } from "./invocation.ts";
import { phaseCommand } from "./phases.ts";
import { catchTerm } from "./signals.ts";

/** `argoexec supervisor`: the auxiliary container of the init-less layout; TERM cancels the input downloads. */
export async function supervisorCommand(invocation: Invocation): Promise<number> {
  return phaseCommand("supervisor", invocation, ({ pod, config, tools, isPrepared }) => {
    const { stop } = catchTerm();
    const loader = { paths: config.paths, openDriver: tools.openDriver, log: tools.log };
    return supervisor(
      { ...config, templateJson: pod.templateJson, inputPlugins: pod.inputPlugins, isPrepared },
      loader,
      tools,
      stop,
    );
  });
}
