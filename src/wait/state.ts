import { ExecutorError } from "../errors/index.ts";
import type { TaskResultState } from "../kube/index.ts";
import type { SpooledLog } from "../outputs/index.ts";

/** Why a sleep has an end of its own. */
export type LimitReason =
  /** The task result could not be made yet. */
  | "announce again"
  /** The deadline's TERM had its grace period. */
  | "kill"
  /** The deadline's KILL had its time too. */
  | "give up"
  /** We were told to end; main had its share of the grace period. */
  | "collect";

/**
 * What the auxiliary container knows while it sleeps. It lies in memory that the static program keeps for us, because no
 * Node runs then: it has any length, and nobody else can reach it.
 */
export interface WaitState {
  readonly taskResult: TaskResultState;
  /** The task result was made, or will not be. */
  readonly isAnnounced: boolean;
  /** Errors so far, in order; the first is the container's message. */
  readonly errors: readonly string[];
  /** The supervisor failed before main: there is nothing to collect but logs. */
  readonly hasPreMainFailed: boolean;
  readonly isDeadlineOver: boolean;
  readonly isTerminating: boolean;
  /** Main failed and the other members of its container set were told to end. */
  readonly hasMainFailed: boolean;
  /** The progress last reported. */
  readonly progressSeen: string;
  /** What of the main containers' logs is in the store already; those that are not here: nothing. */
  readonly spools: readonly SpooledLog[];
  readonly limit: { readonly atMs: number; readonly reason: LimitReason } | undefined;
  /** The API server asked (Retry-After) not to be asked before this time, in milliseconds since the epoch. */
  readonly apiBusyUntilMs: number;
  /** The container's span, which began in the first phase and is recorded in the last; empty: none is (src/tracing). */
  readonly trace: string;
}

export const initialState: WaitState = {
  taskResult: "unknown",
  isAnnounced: false,
  errors: [],
  hasPreMainFailed: false,
  isDeadlineOver: false,
  isTerminating: false,
  hasMainFailed: false,
  progressSeen: "",
  spools: [],
  limit: undefined,
  apiBusyUntilMs: 0,
  trace: "",
};

export function encodeState(state: WaitState): string {
  return JSON.stringify(state);
}

export function decodeState(text: string): WaitState {
  try {
    return { ...initialState, ...(JSON.parse(text) as WaitState) };
  } catch (cause) {
    throw new ExecutorError("Internal", "the state is not what an earlier phase of this container wrote", {
      cause,
    });
  }
}
