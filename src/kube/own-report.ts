import { errorCode, errorText } from "../errors/index.ts";
import type { Logger } from "../log/index.ts";
import type { Outputs } from "../template/index.ts";
import type { Persistence } from "./persistence.ts";
import type { TaskResult } from "./task-results.ts";

/** A main container that writes its task result itself: that of a resource or a data template. */
export interface OwnReport {
  readonly taskResult: TaskResult;
  readonly log: Logger;
  /** What the step does; undefined: there is nothing to report. */
  readonly work: () => Promise<Outputs | undefined>;
  /** Whether this container sets the label that releases the controller. */
  readonly finalizes: () => Promise<boolean>;
}

/** What the container ends with. */
export interface OwnOutcome {
  /** The first error recorded: the termination message. */
  readonly message: string | undefined;
  /** Reporting can fail without failing the step (docs/contract/roles.md#2.3 steps 1 and 8). */
  readonly isSuccess: boolean;
}

/** As long as the original tries to make its task result before it begins. */
const announcePatienceMs = 31_000;
/** Reporting outlives SIGTERM. */
const never = new AbortController().signal;

/**
 * Makes the task result, so that the controller waits for it (docs/contract/roles.md#D-12), does the work, reports what
 * came of it, and finalizes whatever happened.
 */
export async function reportOwnWork(report: OwnReport, signal: AbortSignal): Promise<OwnOutcome> {
  const { taskResult, log, work, finalizes } = report;
  const patient = persistence(log);
  const errors: string[] = [];
  const lateErrors: string[] = [];
  let announced = await recorded(lateErrors, () =>
    taskResult.initialize({ ...patient, patienceMs: announcePatienceMs }, signal),
  );
  const isDone = await recorded(errors, async () => {
    const outputs = await work();
    if (!outputs) return;
    await taskResult.reportOutputs(outputs, patient, never);
    announced = true;
  });
  if (await finalizes()) {
    await recorded(lateErrors, async () => {
      if (!announced) await taskResult.initialize(patient, never);
      await taskResult.finalize(patient, never);
    });
  }
  for (const error of [...errors, ...lateErrors]) log.error({ error }, "executor error");
  return { message: [...errors, ...lateErrors][0], isSuccess: isDone };
}

async function recorded(errors: string[], step: () => Promise<void>): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    errors.push(errorCode(error) === "Cancelled" ? "context canceled" : errorText(error));
    return false;
  }
}

function persistence(log: Logger): Persistence {
  return {
    patienceMs: Number.POSITIVE_INFINITY,
    onRetry: (error, pauseMs) => {
      const fields = { error: errorText(error), pauseMs: Math.round(pauseMs) };
      log.warn(fields, "the task result will be sent again");
    },
  };
}
