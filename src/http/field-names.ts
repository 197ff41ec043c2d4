/** A token (RFC 9110 section 5.6.2). */
const namePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Requests and answers have the same few names again and again; who sends others fills this once, and no more. */
const knownMax = 200;
const known = new Map<string, string>();

/** A field's name in lower case; undefined for what is none. */
export function lowerCaseOf(name: string): string | undefined {
  const found = known.get(name);
  if (found !== undefined) return found;
  if (!namePattern.test(name)) return undefined;
  const lowerCase = name.toLowerCase();
  if (known.size < knownMax) known.set(name, lowerCase);
  return lowerCase;
}
