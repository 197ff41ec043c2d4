/** What every language throws: why an evaluation failed, as far as a caller's reaction depends on it. */
export type LanguageErrorCode =
  /** The text of the expression, or what was given as its environment, is wrong: it would fail with any input. */
  | "syntax"
  /** The expression failed on these values. */
  | "evaluation"
  /** It would make more text, values or nested calls than its budget allows. */
  | "memory"
  /** It did not end in time. */
  | "time";

/** What exactly, where a caller's reaction depends on more than the code. */
export type LanguageErrorReason =
  /** The text ends before what it began is complete. */
  | "EndOfText"
  /** Something comes after what should be all. */
  | "MoreText";

/** The only error class of the package. The message is the one that the original implementation is known for. */
export class LanguageError extends Error {
  readonly code: LanguageErrorCode;
  readonly reason: LanguageErrorReason | undefined;

  constructor(code: LanguageErrorCode, message: string, cause?: unknown, reason?: LanguageErrorReason) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "LanguageError";
    this.code = code;
    this.reason = reason;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
