import { ExecutorError, errorText } from "../errors/index.ts";
import { type LogSaver, type SpooledLog, spoolPart } from "../outputs/index.ts";
import {
  containerFiles,
  haveEnded,
  openContainer,
  spoolPatienceMs,
  spoolSegmentBytes,
} from "../podfiles/index.ts";
import { doublingPauses, retry } from "../retry/index.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import { spooledLogs, spoolMark } from "./spooled-logs.ts";
import type { WaitState } from "./state.ts";

const againMs = 1000;
/** Other events are looked at after so long, however much there is to take. */
const turnMs = 10_000;

/**
 * Takes what is over its share of the volume of each main container's log to the store, while the container runs. Nothing
 * waits for it longer than the patience above, and nothing fails by it: where it does not work, it is said so once, and the
 * log loses its oldest lines instead.
 */
export async function spoolLogs(
  config: WaitConfig,
  tools: WaitTools,
  state: WaitState,
  signal: AbortSignal,
): Promise<WaitState> {
  using leave = untilLeaving(config, tools, state, signal);
  const saver: LogSaver = {
    archiveLocation: config.template.archiveLocation,
    openDriver: tools.openDriver,
    log: tools.log,
  };
  const spools: SpooledLog[] = [];
  for (const spooled of spooledLogs(config.template, state)) {
    const isDue = !leave.signal.aborted && (await hasMark(config, spooled));
    spools.push(isDue ? await spoolLog(config, saver, spooled, leave.signal) : spooled);
  }
  return { ...state, spools };
}

/** Fires when something else has to be done: a TERM, the deadline, the end of a grace period. */
function untilLeaving(config: WaitConfig, tools: WaitTools, state: WaitState, signal: AbortSignal) {
  const times = [config.deadlineMs, state.limit?.atMs].flatMap((atMs) => atMs ?? []);
  const timers = new AbortController();
  // A timer reaches 24 days at most, and a turn is over long before.
  const leftMs = Math.min(...times, Date.now() + 86_400_000) - Date.now();
  const timer = setTimeout(() => timers.abort(), Math.max(0, leftMs));
  return {
    signal: AbortSignal.any([signal, tools.listenForTerm(), timers.signal]),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

async function hasMark({ paths, template }: WaitConfig, spooled: SpooledLog): Promise<boolean> {
  const mark = spoolMark(template, spooled);
  if (mark === undefined) return false;
  await using folder = await openContainer(paths, spooled.container);
  return (await folder?.has(mark)) ?? false;
}

/** One container's turn. Its first part at least is taken, or it is over for good: nobody wakes us in vain again. */
async function spoolLog(
  config: WaitConfig,
  saver: LogSaver,
  spooled: SpooledLog,
  leave: AbortSignal,
): Promise<SpooledLog> {
  const { paths, template } = config;
  const endMs = Date.now() + turnMs;
  let known = spooled;
  try {
    do {
      const next = await patiently(config, saver, known, leave);
      if (next === undefined && known === spooled) throw new ExecutorError("BadRequest", notSegments);
      if (next === undefined) return known;
      known = next;
    } while (Date.now() < endMs && !leave.aborted && !(await haveEnded(template, paths)));
    return known;
  } catch (error) {
    if (leave.aborted) return known;
    saver.log.warn(
      { container: known.container, storedBytes: known.endBytes, error: errorText(error) },
      "the log can no longer be taken to the store while the step runs: only its end is kept from now on",
    );
    await endSpooling(config, known.container);
    return { ...known, isOver: true };
  }
}

const notSegments = "the log is not in the pieces in which the executor writes it";

/** A store that is away for a moment is asked again. */
async function patiently(
  { paths, template }: WaitConfig,
  saver: LogSaver,
  known: SpooledLog,
  leave: AbortSignal,
): Promise<SpooledLog | undefined> {
  const patience = AbortSignal.timeout(spoolPatienceMs);
  const signal = AbortSignal.any([leave, patience]);
  const attempt = () => spoolPart(saver, paths, known, spoolSegmentBytes(template), signal);
  try {
    return await retry({ pauses: doublingPauses(againMs, againMs, 0) }, attempt, signal);
  } catch (error) {
    throw patience.aborted ? new ExecutorError("Timeout", tooSlow, { cause: error }) : error;
  }
}

const tooSlow = `the store did not take a part of it within ${spoolPatienceMs / 1000} s`;

/** The emissary waits for us no longer. */
async function endSpooling({ paths }: WaitConfig, container: string): Promise<void> {
  try {
    await using folder = await openContainer(paths, container);
    await folder?.publish(containerFiles.spoolEnded, "", 0o644);
  } catch {
    // The step has taken the folder away; the emissary's own patience ends.
  }
}
