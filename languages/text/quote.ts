/** Quoted forms of text: JSON (docs/contract/expressions.md#6.2) and Go's `%q`. */

import { bytesOf } from "./byte-text.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON has to escape
const jsonSpecial = /[\u0000-\u001f"\\\u2028\u2029\ud800-\udfff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const jsonEscaped = /[\u0000-\u001f"\\\u2028\u2029]|\p{Surrogate}/gu;
const htmlSpecial = /[<>&]/;
const htmlEscaped = /[<>&]/g;
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};

/** A JSON string as Go's encoder writes it: HTML-significant characters escaped, stray bytes as \ufffd. */
export function quoteJson(text: string): string {
  const quoted = quoteJsonPlain(text);
  return htmlSpecial.test(quoted) ? quoted.replace(htmlEscaped, unicodeEscape) : quoted;
}

/** The same without escaping `<`, `>` and `&`. */
export function quoteJsonPlain(text: string): string {
  return jsonSpecial.test(text) ? `"${text.replace(jsonEscaped, escapeJson)}"` : `"${text}"`;
}

function escapeJson(char: string): string {
  const unit = char.charCodeAt(0);
  return shortEscapes[char] ?? (unit >= 0xd800 && unit <= 0xdfff ? "\\ufffd" : unicodeEscape(char));
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const goShortEscapes: Readonly<Record<string, string>> = {
  ...shortEscapes,
  "\u0007": "\\a",
  "\v": "\\v",
};

/** Go's `%q`: double quotes, Go escapes, printable characters as they are. */
export function quoteGo(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const short = goShortEscapes[char];
    const code = char.codePointAt(0) ?? 0;
    if (short !== undefined) quoted += short;
    else if (code >= 0xdc00 && code <= 0xdfff) quoted += `\\x${(code & 0xff).toString(16).padStart(2, "0")}`;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (char !== " " && /[\p{C}\p{Z}]/u.test(char)) {
      quoted += code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
    } else quoted += char;
  }
  return `${quoted}"`;
}

/** As Go's time package quotes: bytes that are not printable ASCII as `\xHH`. */
export function quoteTime(text: string): string {
  const quoted = text.replace(/["\\]|[^ -\u007f]/gu, (char) =>
    char === '"' || char === "\\"
      ? `\\${char}`
      : Array.from(bytesOf(char), (byte) => `\\x${hex(byte, 2)}`).join(""),
  );
  return `"${quoted}"`;
}

/** Go's `%#U`: U+0040 '@'. */
export function codePointText(char: string): string {
  const code = hex(char.codePointAt(0) ?? 0, 4).toUpperCase();
  return /[\p{C}]/u.test(char) ? `U+${code}` : `U+${code} '${char}'`;
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, "0");
}
