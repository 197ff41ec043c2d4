/** `@pretty` and `@ugly`: the layout of JSON text. */

import { byteLength, compareText } from "../text/byte-text.ts";
import type { GjsonResult } from "./result.ts";
import { eachElement, eachMember, skipSpace, stringEnd } from "./scan.ts";

interface Style {
  readonly prefix: string;
  readonly indent: string;
  /** Arrays without objects that end before this column stay on one line. */
  readonly width: number;
  readonly sortsKeys: boolean;
}

const depthMax = 500;

/** `option` gives the settings `indent`, `prefix`, `width` and `sortKeys`. */
export function prettyJson(json: string, option: (name: string) => GjsonResult): string {
  const text = (name: string, otherwise: string): string =>
    option(name).exists ? option(name).string : otherwise;
  const style: Style = {
    prefix: onlySpace(text("prefix", "")),
    indent: onlySpace(text("indent", "  ")),
    width: Number(text("width", "80")),
    sortsKeys: option("sortKeys").type === "True",
  };
  const start = skipSpace(json, 0);
  return `${style.prefix}${layOut(json.slice(start).trimEnd(), style, style.prefix, byteLength(style.prefix), 0)}\n`;
}

/** Anything else in a margin would spoil the JSON. */
function onlySpace(text: string): string {
  return text.replace(/[^ \t\r\n]/g, "");
}

/** Without white space between tokens. */
export function uglyJson(json: string): string {
  let text = "";
  for (let i = 0; i < json.length; ) {
    const end = json[i] === '"' ? stringEnd(json, i) : i + 1;
    if (json.charAt(i) > " ") text += json.slice(i, end);
    i = end;
  }
  return text;
}

/** `column` counts the bytes before the value in its line, mostly with the line break. */
function layOut(json: string, style: Style, margin: string, column: number, depth: number): string {
  if (depth > depthMax || (json[0] !== "{" && json[0] !== "[")) return json;
  const inner = margin + style.indent;
  if (json[0] === "{") {
    const members: [string, string][] = [];
    eachMember(json, 0, (name, value) => {
      members.push([name, value]);
      return false;
    });
    if (members.length === 0) return "{}";
    if (style.sortsKeys) members.sort(([a], [b]) => compareText(a, b));
    const lines = members.map(([name, value]) => {
      const start = `${inner}${name}: `;
      return start + layOut(value, style, inner, byteLength(start) + 1, depth + 1);
    });
    return `{\n${lines.join(",\n")}\n${margin}}`;
  }
  const elements: string[] = [];
  eachElement(json, 0, (value) => {
    elements.push(value);
    return false;
  });
  if (elements.length === 0) return "[]";
  const room = style.width - column;
  const line = room > 3 ? inOneLine(json, depth) : undefined;
  if (line !== undefined && byteLength(line) <= room) return line;
  const lines = elements.map((value, i) => {
    // In front of all but the first a space becomes the line break, which then does not count.
    const used = byteLength(inner) + (i === 0 ? 1 : 0);
    return inner + layOut(value, style, inner, used, depth + 1);
  });
  return `[\n${lines.join(",\n")}\n${margin}]`;
}

/** Undefined when there is an object in it. */
function inOneLine(json: string, depth: number): string | undefined {
  if (json[0] === "{" || depth > depthMax) return undefined;
  if (json[0] !== "[") return json;
  const parts: string[] = [];
  const hasObject = eachElement(json, 0, (value) => {
    const part = inOneLine(value, depth + 1);
    if (part !== undefined) parts.push(part);
    return part === undefined;
  });
  return hasObject ? undefined : `[${parts.join(", ")}]`;
}
