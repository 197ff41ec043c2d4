/** Quoted strings and byte strings with their escapes (docs/contract/expressions.md#1.2). */
import { bytesOf, textOfBytes } from "../text/byte-text.ts";
import { simpleEscapes } from "../text/escapes.ts";
import { sourceError } from "./source-error.ts";

const codePointMax = 0x10ffff;

interface Escape {
  /** The code point or, in a byte string, the byte. */
  readonly code: number;
  readonly length: number;
}

/**
 * Reads the literal whose quote is at `quoteAt`. The value of a byte string is text in the escaped form of
 * text/byte-text.ts. Throws LanguageError with the place.
 */
export function readString(
  source: string,
  quoteAt: number,
  isBytes: boolean,
): { value: string; end: number } {
  const quote = source[quoteAt] ?? '"';
  const end = literalEnd(source, quoteAt, quote);
  const written = source.slice(quoteAt + 1, end).replace(/\r\n?/g, "\n");
  const parts: string[] = [];
  let from = 0;
  for (let at = written.indexOf("\\"); at >= 0; at = written.indexOf("\\", from)) {
    parts.push(written.slice(from, at));
    const char = written[at + 1] ?? "";
    const simple = char === quote ? quote : simpleEscapes[char];
    const numeric = simple === undefined ? numericEscape(written.slice(at + 1, at + 11), isBytes) : undefined;
    if (numeric === undefined && simple === undefined) {
      const what = /[0-3]/.test(char) ? "octal sequence in " : "";
      throw sourceError(source, end, `unable to unescape ${what}string`);
    }
    if (numeric === undefined) parts.push(simple ?? "");
    else parts.push(isBytes ? textOfBytes(Buffer.of(numeric.code)) : codePoint(numeric.code));
    from = at + 1 + (numeric?.length ?? 1);
  }
  parts.push(written.slice(from));
  // Escaped bytes that stand side by side may form a character.
  const value = isBytes ? textOfBytes(Buffer.concat(parts.map(bytesOf))) : parts.join("");
  return { value, end: end + 1 };
}

/** Where the closing quote is. The form of escapes is checked here, what they stand for later. */
function literalEnd(source: string, quoteAt: number, quote: string): number {
  for (let at = quoteAt + 1; ; ) {
    const char = source[at];
    if (char === undefined || char === "\n") throw sourceError(source, at, "literal not terminated");
    if (char === quote) return at;
    if (char !== "\\") at++;
    else at = escapeEnd(source, at + 1, quote);
  }
}

const digitsBehind: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Behind the escape whose letter is at `at`. Throws with the place of the first wrong character. */
function escapeEnd(source: string, at: number, quote: string): number {
  const char = source[at] ?? "";
  if (char !== "" && (char === quote || simpleEscapes[char] !== undefined)) return at + 1;
  const braced =
    char === "u" && source[at + 1] === "{" ? /^[\da-fA-F]{0,6}/.exec(source.slice(at + 2)) : null;
  if (braced !== null) {
    const [digits] = braced;
    const end = at + 2 + digits.length;
    if (digits !== "" && source[end] === "}") return end + 1;
    throw sourceError(source, end - 1, "invalid char escape");
  }
  const isOctal = /[0-7]/.test(char);
  const start = isOctal ? at : at + 1;
  const count = isOctal ? 3 : digitsBehind[char];
  if (count === undefined) throw sourceError(source, at, "invalid char escape");
  const digit = isOctal ? /[0-7]/ : /[\da-fA-F]/;
  for (let i = start; i < start + count; i++) {
    if (!digit.test(source[i] ?? "")) throw sourceError(source, i, "invalid char escape");
  }
  return start + count;
}

/** What the escape stands for that `text` (behind the backslash) begins with. */
function numericEscape(text: string, isBytes: boolean): Escape | undefined {
  const octal = /^[0-3][0-7]{2}/.exec(text);
  if (octal !== null) return { code: Number.parseInt(octal[0], 8), length: 3 };
  const hex = isBytes
    ? /^x([\da-fA-F]{2})/
    : /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}|U([\da-fA-F]{8}))/;
  const match = hex.exec(text);
  if (match === null) return undefined;
  const code = Number.parseInt(match.slice(1).find((group) => group !== undefined) ?? "", 16);
  return code > codePointMax ? undefined : { code, length: match[0].length };
}

/** Surrogates are no characters and pairs are not joined. */
function codePoint(code: number): string {
  return code >= 0xd800 && code <= 0xdfff ? "\ufffd" : String.fromCodePoint(code);
}
