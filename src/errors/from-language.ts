import type { LanguageError, LanguageErrorCode } from "../../languages/errors/index.ts";
import { type ErrorCode, ExecutorError } from "./executor-error.ts";

const codes: Readonly<Record<LanguageErrorCode, ErrorCode>> = {
  syntax: "BadRequest",
  evaluation: "BadRequest",
  memory: "TooLarge",
  time: "Timeout",
};

/** What an expression, filter, path or selector threw, in the executor's terms; anything else is given back as it is. */
export function fromLanguage(error: unknown): unknown {
  if (!isLanguageError(error)) return error;
  return new ExecutorError(codes[error.code], error.message, { cause: error });
}

/** Told by its name: the class itself is loaded with a language only, which most pods never do. */
function isLanguageError(error: unknown): error is LanguageError {
  return error instanceof Error && error.name === "LanguageError";
}
