export { RetryBudget } from "./budget.ts";
export {
  type Backoff,
  exponential,
  noRetries,
  type Pause,
  patienceMs,
  type RetryPolicy,
  withQuickTries,
} from "./policy.ts";
export { parseRetryAfter, type RetryOptions, retry } from "./retry.ts";
