/**
 * Inside this server a key is a byte string: one character (0-255) for each byte of its UTF-8 form. JavaScript's own
 * `<` then sorts keys as S3 does (by bytes), and no key is out of reach, valid UTF-8 or not.
 */
export type KeyBytes = string;

/** Sorts after every key that starts with the prefix it is appended to. */
export const afterAll = "\u0100";

export function toKeyBytes(text: string): KeyBytes {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function fromKeyBytes(key: KeyBytes): string {
  return Buffer.from(key, "latin1").toString("utf8");
}

/** Undoes percent-encoding (RFC 3986 2.1); undefined where a `%` starts no pair of hexadecimal digits. */
export function percentDecode(text: string): KeyBytes | undefined {
  if (!text.includes("%")) return text;
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Encodes every byte except the unreserved ones (and those in `keep`), the canonical form of Signature Version 4. */
export function percentEncode(bytes: KeyBytes, keep = ""): string {
  if (/^[\w.~/-]*$/.test(bytes) && (keep === "/" || !bytes.includes("/"))) return bytes;
  return bytes.replace(/[^\w.~-]/g, (char) =>
    keep.includes(char) ? char : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
