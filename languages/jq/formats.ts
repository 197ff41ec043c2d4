/** `@name` formats. */
import { bytesOf, textOfBytes } from "../text/byte-text.ts";
import { quoteGo } from "../text/quote.ts";
import { failedOn } from "./problems.ts";
import { describe, encode, isArray, isNumber, JqError, type JqValue } from "./values.ts";

const formats: Readonly<Record<string, (value: JqValue) => string>> = {
  text: toText,
  json: encode,
  html: (value) => toText(value).replace(/[<>&'"]/g, (char) => htmlEscapes[char] ?? char),
  uri: (value) => percentEncode(toText(value)),
  urid: (value) => percentDecode(toText(value)),
  csv: (value) => row(value, "csv", ",", (text) => `"${withoutNul(text).replaceAll('"', '""')}"`),
  tsv: (value) =>
    row(value, "tsv", "\t", (text) => text.replace(/[\0\\\t\r\n]/g, (char) => tsvEscapes[char] ?? char)),
  sh: (value) => (isArray(value) ? value : [value]).map(shellQuote).join(" "),
  base64: (value) => bytesOf(toText(value)).toString("base64"),
  base64d: decodeBase64,
};

export function applyFormat(name: string, value: JqValue): string {
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined) throw new JqError(`format not defined: @${name}`);
  return format(value);
}

/** Strings as they are, everything else as JSON. */
export function toText(value: JqValue): string {
  return typeof value === "string" ? value : encode(value);
}

const htmlEscapes: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  "'": "&apos;",
  '"': "&quot;",
};

const tsvEscapes: Readonly<Record<string, string>> = {
  "\0": "\\0",
  "\\": "\\\\",
  "\t": "\\t",
  "\r": "\\r",
  "\n": "\\n",
};

function percentEncode(text: string): string {
  return Array.from(bytesOf(text), (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9\-_.~]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

function percentDecode(text: string): string {
  const bad = /%(?![\da-fA-F]{2}).{0,2}/su.exec(text)?.[0];
  if (bad !== undefined) throw failedOn("@urid", text, [], `invalid URL escape ${quoteGo(bad)}`);
  const latin = bytesOf(text).toString("latin1");
  const decoded = latin.replace(/%([\da-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return textOfBytes(Buffer.from(decoded, "latin1")).toWellFormed();
}

function row(value: JqValue, name: string, separator: string, quote: (text: string) => string): string {
  if (!isArray(value)) throw new JqError(`@${name} cannot be applied to: ${describe(value)}`);
  const cells = value.map((cell) => {
    if (cell === null || Number.isNaN(cell)) return "";
    if (typeof cell === "string") return quote(cell);
    if (typeof cell === "boolean" || isNumber(cell)) return encode(cell);
    throw new JqError(`@${name} cannot format an array including: ${describe(cell)}`);
  });
  return cells.join(separator);
}

/** Programs end texts at this character. */
function withoutNul(text: string): string {
  return text.replaceAll("\0", "\\0");
}

function shellQuote(value: JqValue): string {
  if (typeof value === "string") return `'${withoutNul(value).replaceAll("'", "'\\''")}'`;
  if (value !== null && typeof value === "object")
    throw new JqError(`@sh cannot format an array including: ${describe(value)}`);
  return encode(value);
}

/** Padding may be missing. */
function decodeBase64(value: JqValue): string {
  const text = toText(value);
  // What stands behind padding is not looked at.
  const bare = (text.split("=", 1)[0] ?? "").replace(/[\r\n]+/g, "");
  const at = bytesOf(bare)
    .toString("latin1")
    .search(/[^A-Za-z0-9+/]/);
  const badAt = at >= 0 ? at : bare.length % 4 === 1 ? bare.length - 1 : undefined;
  if (badAt !== undefined)
    throw failedOn("@base64d", value, [], `illegal base64 data at input byte ${badAt}`);
  return textOfBytes(Buffer.from(bare, "base64"));
}
