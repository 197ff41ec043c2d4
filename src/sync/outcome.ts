import { errorCode, errorText, isExecutorError } from "../errors/index.ts";

/** What scripts branch on. */
export const syncStatus = {
  /** All is as it should be. */
  done: 0,
  /** Some of it could not be done, and the same command again may do it. */
  retry: 10,
  /** A person has to act: a grant, a flag, an object that the target cannot hold. */
  act: 20,
  /** Used wrongly: nothing was done. */
  usage: 64,
} as const;

/** How a command ended: the process's exit status, and the last line of its output, which says what to do. */
export interface Outcome {
  readonly status: (typeof syncStatus)[keyof typeof syncStatus];
  readonly advice: string;
}

/** True for what the same command, run again, may get over. */
export function isPassing(error: unknown): boolean {
  return ["Transient", "Timeout", "Cancelled", "Conflict"].includes(errorCode(error));
}

/** The outcome of a command that threw. `before` says whether anything had begun: what is wrong then was used wrongly. */
export function outcomeOfError(error: unknown, hadBegun: boolean): Outcome {
  if (isPassing(error)) {
    const why = errorCode(error) === "Cancelled" ? "stopped" : `interrupted: ${errorText(error)}`;
    return {
      status: syncStatus.retry,
      advice: `${why}; run the same command again, it goes on where it stopped`,
    };
  }
  if (!hadBegun && isExecutorError(error, "BadRequest")) {
    return { status: syncStatus.usage, advice: errorText(error) };
  }
  return { status: syncStatus.act, advice: errorText(error) };
}
