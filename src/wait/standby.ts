import { encodeArgument } from "../podfiles/index.ts";
import { mainContainerNames, type Template } from "../template/index.ts";
import type { WaitConfig } from "./config.ts";
import { spooledLogs, spoolMark } from "./spooled-logs.ts";
import type { WaitState } from "./state.ts";

/** The events that end a sleep (native/README.md, "Phases"). */
export type StandbyEvent = "ended" | "signal" | "failed" | "deadline" | "limit" | "spool" | "file";

const events: readonly string[] = ["ended", "signal", "failed", "deadline", "limit", "spool", "file"];

export function isStandbyEvent(text: string): text is StandbyEvent {
  return events.includes(text);
}

function spoolDirectives(template: Template, state: WaitState): readonly string[][] {
  const marks = spooledLogs(template, state).map((log) => [log.container, spoolMark(template, log)]);
  return marks.flatMap(([container = "", mark]) => (mark === undefined ? [] : [["spool", container, mark]]));
}

/** What the static program sleeps for in our place, a directive a line. */
export function standbyRequest(config: WaitConfig, state: WaitState): string {
  const names = mainContainerNames(config.template);
  const isEnding = state.isDeadlineOver || state.isTerminating || state.hasMainFailed;
  const watchesDeadline = config.deadlineMs !== undefined && !state.isDeadlineOver && !state.isTerminating;
  const watchesFailure = names.length > 1 && names.includes("main") && !isEnding;
  const { progress } = config;
  const directives = [
    ...names.map((name) => ["container", name]),
    ...(watchesDeadline ? [["deadline", String(config.deadlineMs)]] : []),
    ...(state.limit ? [["limit", String(Math.ceil(state.limit.atMs))]] : []),
    ...(isEnding ? [] : spoolDirectives(config.template, state)),
    ...(watchesFailure ? [["held", "main"]] : []),
    ...(state.isTerminating ? [["terminating"]] : []),
    ...(progress ? [["watch", progress.file, String(Math.ceil(progress.tickMs)), state.progressSeen]] : []),
    ["sleep"],
  ];
  return directives.map((words) => `${words.map(encodeArgument).join(" ")}\n`).join("");
}
