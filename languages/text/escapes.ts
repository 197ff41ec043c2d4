/** What stands behind a backslash in Go's literals (Go specification, "Rune literals"), but for quotes and numbers. */
export const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};
