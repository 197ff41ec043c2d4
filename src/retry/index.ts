export { RetryBudget } from "./budget.ts";
export {
  type Backoff,
  doublingPauses,
  exponential,
  type FiniteRetryPolicy,
  longestPauseMs,
  noRetries,
  type Pause,
  type RetryPolicy,
  withQuickTries,
} from "./policy.ts";
export { resumed } from "./resumed.ts";
export { parseRetryAfter, retry } from "./retry.ts";
export { type RetryOptions, Tries } from "./tries.ts";
