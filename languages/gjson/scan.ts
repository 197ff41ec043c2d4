/** Walks JSON text without parsing it; text that is no JSON ends the walk early and is never an error. */

/** The end of the value that starts at `i`: behind the closing bracket or quote, or before a delimiter. */
export function valueEnd(json: string, i: number): number {
  const first = json[i];
  if (first === '"') return stringEnd(json, i);
  if (first === "{" || first === "[" || first === "(") return bracketEnd(json, i);
  let end = i;
  while (end < json.length && !" \t\r\n,]}".includes(json.charAt(end))) end++;
  return end;
}

/** Behind the closing quote of the string whose opening quote is at `i`. */
export function stringEnd(text: string, i: number): number {
  let at = i + 1;
  for (;;) {
    const unit = text.charCodeAt(at);
    if (Number.isNaN(unit)) return text.length;
    if (unit === 0x22) return at + 1;
    at += unit === 0x5c ? 2 : 1;
  }
}

/** Behind the bracket that closes the one at `i`; all kinds count alike, strings are passed over. */
function bracketEnd(text: string, i: number): number {
  let depth = 0;
  for (let at = i; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = stringEnd(text, at) - 1;
        break;
      case 0x7b:
      case 0x5b:
      case 0x28:
        depth++;
        break;
      case 0x7d:
      case 0x5d:
      case 0x29:
        if (--depth === 0) return at + 1;
        break;
    }
  }
  return text.length;
}

/** Calls `visit` with the source texts of each member's name and value until it returns true. */
export function eachMember(
  json: string,
  open: number,
  visit: (name: string, value: string) => boolean,
): boolean {
  let i = open + 1;
  for (;;) {
    i = skipSpace(json, i);
    if (json[i] !== '"') return false;
    const nameEnd = stringEnd(json, i);
    const name = json.slice(i, nameEnd);
    const colon = skipSpace(json, nameEnd);
    if (json[colon] !== ":") return false;
    const start = skipSpace(json, colon + 1);
    const end = valueEnd(json, start);
    if (visit(name, json.slice(start, end))) return true;
    const next = skipSpace(json, end);
    if (json[next] !== ",") return false;
    i = next + 1;
  }
}

/** Calls `visit` with the source text and position of each element until it returns true. */
export function eachElement(
  json: string,
  open: number,
  visit: (value: string, index: number) => boolean,
): boolean {
  let i = open;
  for (let index = 0; ; index++) {
    const start = skipSpace(json, i + 1);
    if (start >= json.length || json[start] === "]") return false;
    const end = valueEnd(json, start);
    if (end === start) return false;
    if (visit(json.slice(start, end), index)) return true;
    i = skipSpace(json, end);
    if (json[i] !== ",") return false;
  }
}

/** Calls `visit` with each of the values that follow one another in a text. */
export function eachLine(json: string, visit: (value: string, index: number) => boolean): boolean {
  let i = 0;
  for (let index = 0; ; index++) {
    while (i < json.length && " \t\r\n,".includes(json.charAt(i))) i++;
    const end = valueEnd(json, i);
    if (end === i) return false;
    if (visit(json.slice(i, end), index)) return true;
    i = end;
  }
}

export function skipSpace(json: string, i: number): number {
  let at = i;
  while (at < json.length && " \t\r\n".includes(json.charAt(at))) at++;
  return at;
}
