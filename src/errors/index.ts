export { type ErrorCode, ExecutorError, errorCode, errorText, isExecutorError } from "./executor-error.ts";
export { fromLanguage } from "./from-language.ts";
