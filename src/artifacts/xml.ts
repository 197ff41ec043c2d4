/**
 * As much XML as the stores speak (S3, OSS, Azure): elements without attributes that matter, nested by known names, no CDATA, no mixed
 * content. Answers are read by name and written by template; a general parser would be most of a pod's start-up.
 */

/** Of every element that S3 speaks of. */
export const namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

/** The text of the first element of this name, with entities decoded; undefined where there is none. */
export function textOf(xml: string, name: string): string | undefined {
  const inner = innerOf(xml, name);
  return inner === undefined ? undefined : decode(inner);
}

/** The content of each element of this name, in order, not decoded. */
export function elements(xml: string, name: string): string[] {
  const found: string[] = [];
  const close = `</${name}>`;
  for (let from = 0; ; ) {
    const start = openingEnd(xml, name, from);
    if (start === -1) return found;
    const end = xml.indexOf(close, start);
    if (end === -1) return found;
    found.push(xml.slice(start, end));
    from = end + close.length;
  }
}

export function encodeXml(text: string): string {
  return text.replace(/[&<>"'\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** True for text that XML 1.0 cannot carry, however it is escaped. */
export function isBeyondXml(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text);
}

function innerOf(xml: string, name: string): string | undefined {
  const start = openingEnd(xml, name, 0);
  if (start === -1) return undefined;
  const end = xml.indexOf(`</${name}>`, start);
  return end === -1 ? undefined : xml.slice(start, end);
}

/** Where the content of the next `<name>` or `<name attribute="…">` begins; -1 without one, or for `<name/>`. */
function openingEnd(xml: string, name: string, from: number): number {
  for (let at = xml.indexOf(`<${name}`, from); at !== -1; at = xml.indexOf(`<${name}`, at + 1)) {
    const after = xml[at + name.length + 1];
    if (after === ">") return at + name.length + 2;
    if (after !== undefined && /\s/.test(after)) {
      const end = xml.indexOf(">", at);
      if (end !== -1 && xml[end - 1] !== "/") return end + 1;
    }
  }
  return -1;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decode(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex, decimal, name) => {
    if (name !== undefined) return entities[name] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
