import { mainContainerNames } from "../template/index.ts";
import type { WaitConfig } from "./config.ts";
import { encodeState, type WaitState } from "./state.ts";

/** The events that end a sleep (native/README.md, "Standby"). */
export type StandbyEvent = "ended" | "signal" | "deadline" | "limit" | "file";

export function isStandbyEvent(text: string): text is StandbyEvent {
  return ["ended", "signal", "deadline", "limit", "file"].includes(text);
}

/**
 * The arguments with which the static program sleeps for us: what to watch, and the command that goes on afterwards.
 * @param command the program and its arguments that take `--event` and `--state`
 */
export function standbyArguments(
  config: WaitConfig,
  state: WaitState,
  command: readonly string[],
): readonly string[] {
  const containers = mainContainerNames(config.template).flatMap((name) => [
    "--container",
    config.paths.container(name),
  ]);
  const watchesDeadline = config.deadlineMs !== undefined && !state.isDeadlineOver && !state.isTerminating;
  const { progress } = config;
  return [
    "standby",
    ...containers,
    ...(watchesDeadline ? ["--deadline", String(config.deadlineMs)] : []),
    ...(state.limit ? ["--limit", String(Math.ceil(state.limit.atMs))] : []),
    ...(progress
      ? ["--watch", progress.file, "--tick", String(Math.ceil(progress.tickMs)), "--seen", state.progressSeen]
      : []),
    "--",
    ...command,
    "--state",
    encodeState(state),
  ];
}
