export {
  type ErrorCode,
  type ErrorReason,
  ExecutorError,
  errorCode,
  errorText,
  isExecutorError,
} from "./executor-error.ts";
