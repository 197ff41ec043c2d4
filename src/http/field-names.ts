/** A token (RFC 9110 section 5.6.2). */
const namePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Requests and answers have the same few names again and again; who sends others fills this once, and no more. */
const knownMax = 200;
const lengthMax = 64;
const known = new Map<string, string>();

/** A field's name in lower case; undefined for what is none. */
export function lowerCaseOf(name: string): string | undefined {
  const found = known.get(name);
  if (found !== undefined) return found;
  if (!namePattern.test(name)) return undefined;
  const lowerCase = name.toLowerCase();
  // Copies, for what is cut out of a head keeps all of the head in memory.
  if (known.size < knownMax && name.length <= lengthMax) known.set(copied(name), copied(lowerCase));
  return lowerCase;
}

function copied(name: string): string {
  return Buffer.from(name, "latin1").toString("latin1");
}
