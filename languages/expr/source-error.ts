/** Errors that show their place in the expression (docs/contract/expressions.md#1.12). */
import { LanguageError, type LanguageErrorCode } from "../errors/index.ts";

/** `at` counts UTF-16 units from the start of `source`. */
export function sourceError(
  source: string,
  at: number,
  message: string,
  code: LanguageErrorCode = "syntax",
  cause?: unknown,
): LanguageError {
  return new LanguageError(code, message + placeText(source, at), cause);
}

/** ` (line:column)` and the source line with a caret; nothing when the line is empty. */
function placeText(source: string, at: number): string {
  const before = source.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lineNumber = before.split("\n").length;
  const lineEnd = source.indexOf("\n", lineStart);
  const line = source.slice(lineStart, lineEnd < 0 ? source.length : lineEnd).replaceAll("\t", " ");
  if (line === "") return "";
  const column = Array.from(before.slice(lineStart)).length;
  return ` (${lineNumber}:${column + 1})\n | ${line}\n | ${".".repeat(column)}^`;
}
