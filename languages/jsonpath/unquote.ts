/** Go's quoted strings, in either kind of quote. */
import { simpleEscapes } from "../text/escapes.ts";

/** The text of a literal with its quotes; undefined when it is malformed. */
export function unquote(quoted: string): string | undefined {
  const quote = quoted.charAt(0);
  let text = "";
  let i = 1;
  const end = quoted.length - 1;
  while (i < end) {
    const char = quoted.charAt(i);
    if (char === quote) return undefined;
    if (char !== "\\") {
      text += char;
      i++;
      continue;
    }
    const rest = quoted.slice(i + 1, end);
    const simple = rest[0] === quote ? quote : simpleEscapes[rest[0] ?? ""];
    const coded = /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3}))/.exec(rest);
    if (simple !== undefined) {
      text += simple;
      i += 2;
    } else if (coded !== null) {
      const [all, x, u, long, octal = ""] = coded;
      const code = octal === "" ? Number.parseInt(x ?? u ?? long ?? "", 16) : Number.parseInt(octal, 8);
      if (code > 0x10ffff || (octal !== "" && code > 0xff) || (code >= 0xd800 && code <= 0xdfff))
        return undefined;
      text += String.fromCodePoint(code);
      i += 1 + all.length;
    } else return undefined;
  }
  return text;
}
