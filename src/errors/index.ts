export {
  type ErrorCode,
  type ErrorReason,
  ExecutorError,
  errorCode,
  errorText,
  isExecutorError,
} from "./executor-error.ts";
export { exitStatusError } from "./exit-status.ts";
export { fromLanguage } from "./from-language.ts";
export type { TextPattern } from "./text-pattern.ts";
