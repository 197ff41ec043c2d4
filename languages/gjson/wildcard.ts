/** Wildcard patterns: `*` is any run, `?` one character, a backslash makes the next character ordinary. */
export function matchesWildcard(text: string, pattern: string): boolean {
  let t = 0;
  let p = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    const isEscape = pattern[p] === "\\" && p + 1 < pattern.length;
    if (!isEscape && pattern[p] === "*") {
      star = ++p;
      mark = t;
    } else if (!isEscape && pattern[p] === "?") {
      p++;
      t += codePointLength(text, t);
    } else if (pattern[isEscape ? p + 1 : p] === text[t]) {
      p += isEscape ? 2 : 1;
      t++;
    } else if (star >= 0) {
      p = star;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p >= pattern.length;
}

function codePointLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
