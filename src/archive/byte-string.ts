/**
 * A file name as Linux and archives know it: bytes, not text. Each character stands for one byte (Latin-1), so that
 * comparing two of them compares their bytes, and a name that is not UTF-8 survives a round trip.
 */
export type ByteString = string;

/** Text (UTF-8 on disk) as a byte string. */
export function bytesOf(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The text a byte string spells in UTF-8; bytes that are not UTF-8 become U+FFFD. */
export function textOf(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** A byte string as `node:fs` takes paths. */
export function fsPath(bytes: ByteString): string | Buffer {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1");
}

/** A name for an error message: readable, on one line, and never longer than a line should be. */
export function shown(bytes: ByteString): string {
  const text = textOf(bytes.slice(0, 300)).replaceAll(/\p{Cc}/gu, "?");
  return bytes.length > 300 ? `${text}... (${bytes.length} bytes)` : text;
}

export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}
