/** Quoted strings and byte strings with their escapes (contract expressions.md 1.2). */
import { bytesOf, textOfBytes } from "../text/byte-text.ts";
import { sourceError } from "./source-error.ts";

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

const CODE_POINT_MAX = 0x10ffff;

interface Escape {
  /** The code point or, in a byte string, the byte. */
  readonly code: number;
  readonly length: number;
}

/**
 * Reads the literal whose quote is at `quoteAt`. The value of a byte string is text in the escaped form of
 * text/byte-text.ts. Throws BadRequest with the place.
 */
export function readString(
  source: string,
  quoteAt: number,
  isBytes: boolean,
): { value: string; end: number } {
  const quote = source[quoteAt] ?? '"';
  const parts: string[] = [];
  let from = quoteAt + 1;
  let at = from;
  for (;;) {
    const char = source[at];
    if (char === undefined || char === "\n") throw sourceError(source, at, "literal not terminated");
    if (char === quote) break;
    if (char !== "\\") {
      at++;
      continue;
    }
    parts.push(source.slice(from, at));
    const simple = source[at + 1] === quote ? quote : SIMPLE[source[at + 1] ?? ""];
    const numeric = simple === undefined ? numericEscape(source.slice(at + 1, at + 11), isBytes) : undefined;
    if (simple === undefined && numeric === undefined) {
      throw sourceError(source, at + 1, "invalid char escape");
    }
    if (numeric === undefined) parts.push(simple ?? "");
    else parts.push(isBytes ? textOfBytes(Buffer.of(numeric.code)) : codePoint(numeric.code));
    at += 1 + (numeric?.length ?? 1);
    from = at;
  }
  parts.push(source.slice(from, at));
  // Escaped bytes that stand side by side may form a character.
  return { value: isBytes ? textOfBytes(Buffer.concat(parts.map(bytesOf))) : parts.join(""), end: at + 1 };
}

/** The escape that `text` (behind the backslash) begins with. */
function numericEscape(text: string, isBytes: boolean): Escape | undefined {
  const octal = /^[0-3][0-7]{2}/.exec(text);
  if (octal !== null) return { code: Number.parseInt(octal[0], 8), length: 3 };
  const hex = isBytes
    ? /^x([\da-fA-F]{2})/
    : /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}|U([\da-fA-F]{8}))/;
  const match = hex.exec(text);
  if (match === null) return undefined;
  const code = Number.parseInt(match.slice(1).find((group) => group !== undefined) ?? "", 16);
  return code > CODE_POINT_MAX ? undefined : { code, length: match[0].length };
}

/** Surrogates are no characters and pairs are not joined. */
function codePoint(code: number): string {
  return code >= 0xd800 && code <= 0xdfff ? "\ufffd" : String.fromCodePoint(code);
}
