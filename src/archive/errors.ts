import { type ErrorCode, ExecutorError, errorText } from "../errors/index.ts";

const codes: Readonly<Record<string, ErrorCode>> = {
  // What vanishes while it is read was there a moment ago: never NotFound, which would let an optional output pass.
  ENOENT: "Conflict",
  EACCES: "Forbidden",
  EPERM: "Forbidden",
  EROFS: "Forbidden",
  ENOSPC: "TooLarge",
  EDQUOT: "TooLarge",
  EFBIG: "TooLarge",
  ENAMETOOLONG: "TooLarge",
  EISDIR: "BadRequest",
  ENOTDIR: "BadRequest",
  ENOTEMPTY: "BadRequest",
  EEXIST: "BadRequest",
};

/** A file system error as ours: `during: reason`. Errors that are ours already, and aborts, pass unchanged. */
export function fileError(error: unknown, during: string): unknown {
  if (error instanceof ExecutorError || !isSystemError(error)) return error;
  return new ExecutorError(codes[error.code] ?? "Internal", `${during}: ${reason(error)}`, { cause: error });
}

export function isSystemError(
  error: unknown,
  ...wanted: readonly string[]
): error is Error & { readonly code: string } {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return false;
  return typeof error.code === "string" && (wanted.length === 0 || wanted.includes(error.code));
}

export function isZlibError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && /^Z_[A-Z_]+$/.test(String(error.code));
}

/** What gunzip says of damage, as ours; other errors pass unchanged. */
export function zlibError(error: Error): Error {
  if (!isZlibError(error)) return error;
  const what = error.code === "Z_BUF_ERROR" ? "the compressed data ends too early" : error.message;
  return corrupt(`gzip: ${what}; the file is damaged or was not stored completely`, error);
}

/** What zstd says of damage, as ours; other errors pass unchanged. */
export function zstdError(error: Error): Error {
  const code = "code" in error ? String(error.code) : "";
  if (code === "ZSTD_error_frameParameter_windowTooLarge") {
    const text = "zstd: its window is larger than 128 MiB; compress it again without --long";
    return new ExecutorError("TooLarge", text, { cause: error });
  }
  if (!isZlibError(error) && !code.startsWith("ZSTD_error_")) return error;
  const what = code === "Z_BUF_ERROR" ? "the compressed data ends too early" : error.message;
  return corrupt(`zstd: ${what}; the file is damaged or was not stored completely`, error);
}

export function corrupt(message: string, cause?: unknown): ExecutorError {
  return new ExecutorError("Corrupt", message, { cause });
}

/** Node writes `ENOENT: no such file or directory, open '/x'`; the middle is the reason as everybody knows it. */
function reason(error: Error): string {
  return /^[A-Z0-9]+: (.*?)(?:, \w+(?: '.*)?)?$/s.exec(error.message)?.[1] ?? errorText(error);
}
