import { LanguageError, type LanguageErrorCode } from "../../languages/errors/index.ts";
import { type ErrorCode, ExecutorError } from "./executor-error.ts";

const codes: Readonly<Record<LanguageErrorCode, ErrorCode>> = {
  syntax: "BadRequest",
  evaluation: "BadRequest",
  memory: "TooLarge",
  time: "Timeout",
};

/** What an expression, filter, path or selector threw, in the executor's terms; anything else is given back as it is. */
export function fromLanguage(error: unknown): unknown {
  if (!(error instanceof LanguageError)) return error;
  return new ExecutorError(codes[error.code], error.message, { cause: error });
}
