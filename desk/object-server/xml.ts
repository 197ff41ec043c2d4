/** An element of a parsed document: its children by name in order, and its text. */
export interface XmlElement {
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

const xmlNamespace = "http://s3.amazonaws.com/doc/2006-03-01/";

export function xmlDocument(root: string, content: string): string {
  const namespace = root === "Error" ? "" : ` xmlns="${xmlNamespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${namespace}>${content}</${root}>`;
}

export function element(name: string, text: string | number | boolean): string {
  return `<${name}>${escapeText(String(text))}</${name}>`;
}

/** Control characters become character references as S3 writes them; XML 1.0 knows no other way. */
function escapeText(text: string): string {
  return text.replace(/[&<>"\p{Cc}]/gu, (char) => {
    if (char === "&") return "&amp;";
    if (char === "<") return "&lt;";
    if (char === ">") return "&gt;";
    if (char === '"') return "&quot;";
    return `&#x${char.charCodeAt(0).toString(16)};`;
  });
}

/**
 * Reads the small documents that S3 requests carry: elements and text; attributes, comments and declarations are skipped.
 * Returns undefined for anything that is not well-formed.
 */
export function parseXml(text: string): XmlElement | undefined {
  const root: XmlElement = { name: "", text: "", children: [] };
  const open = [root];
  const token = /<\?[^>]*\?>|<!--[\s\S]*?-->|<(\/?)([\w:.-]+)[^<>]*?(\/?)>|([^<]+)/y;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    const current = open.at(-1);
    if (!match || !current) return undefined;
    const [, closing, name, empty, content] = match;
    if (content !== undefined) current.text += unescapeText(content);
    else if (name === undefined) continue;
    else if (closing) {
      if (open.length === 1 || current.name !== name) return undefined;
      open.pop();
    } else {
      const child: XmlElement = { name, text: "", children: [] };
      current.children.push(child);
      if (!empty) open.push(child);
    }
  }
  return open.length === 1 ? root.children[0] : undefined;
}

export function childText(parent: XmlElement, name: string): string | undefined {
  return parent.children.find((child) => child.name === name)?.text;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeText(text: string): string {
  return text.replace(/&(#x?)?(\w+);/g, (whole, numeric: string | undefined, name: string) => {
    if (numeric === undefined) return entities[name] ?? whole;
    const code = Number.parseInt(name, numeric === "#x" ? 16 : 10);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
