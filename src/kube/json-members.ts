const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const braceOpen = 0x7b;
const braceClose = 0x7d;
const bracketOpen = 0x5b;
const bracketClose = 0x5d;

/**
 * The members of the JSON object that begins at `start`, as [name, offset of the value], in order. Values are passed
 * over byte by byte, and only when the next member is asked for: who stops early has not paid for the rest. The text
 * comes from the API server and is taken to be valid JSON; names are compared as they stand, without escapes.
 */
export function* membersOf(json: Buffer, start: number): Generator<readonly [string, number]> {
  let at = skipSpace(json, start);
  if (json[at] !== braceOpen) return;
  at = skipSpace(json, at + 1);
  while (json[at] === quote) {
    const end = skipString(json, at);
    const name = json.toString("utf8", at + 1, end - 1);
    const value = skipSpace(json, skipSpace(json, end) + 1);
    yield [name, value];
    at = skipSpace(json, skipValue(json, value));
    if (json[at] === comma) at = skipSpace(json, at + 1);
  }
}

/** The value that begins at `start`, parsed. */
export function valueAt(json: Buffer, start: number): unknown {
  return JSON.parse(textAt(json, start));
}

/** The text of the value that begins at `start`. */
export function textAt(json: Buffer, start: number): string {
  return json.toString("utf8", start, skipValue(json, start));
}

function skipValue(json: Buffer, start: number): number {
  const first = json[start];
  if (first === quote) return skipString(json, start);
  const isNested = first === braceOpen || first === bracketOpen;
  let depth = 0;
  for (let at = start; at < json.length; ) {
    const byte = json[at];
    if (byte === quote) {
      at = skipString(json, at);
      continue;
    }
    if (byte === braceOpen || byte === bracketOpen) depth += 1;
    else if (byte === braceClose || byte === bracketClose) {
      depth -= 1;
      if (depth <= 0) return isNested ? at + 1 : at;
    } else if (byte === comma && depth === 0) return at;
    at += 1;
  }
  return json.length;
}

/** @returns the offset behind the closing quote */
function skipString(json: Buffer, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1;
  return at + 1;
}

function skipSpace(json: Buffer, start: number): number {
  let at = start;
  while ((json[at] ?? 0x21) <= 0x20) at += 1;
  return at;
}
