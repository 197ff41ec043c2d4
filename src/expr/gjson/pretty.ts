/** `@pretty` and `@ugly`: the layout of JSON text. */

import { compareText } from "../text/byte-text.ts";
import type { GjsonResult } from "./result.ts";
import { eachElement, eachMember, skipSpace, stringEnd } from "./scan.ts";

interface Style {
  readonly prefix: string;
  readonly indent: string;
  /** Arrays of scalars that end before this column stay on one line. */
  readonly width: number;
  readonly sortsKeys: boolean;
}

const DEPTH_MAX = 500;

/** `option` gives the settings `indent`, `prefix`, `width` and `sortKeys`. */
export function prettyJson(json: string, option: (name: string) => GjsonResult): string {
  const text = (name: string, otherwise: string): string =>
    option(name).exists ? option(name).string : otherwise;
  const style: Style = {
    prefix: text("prefix", ""),
    indent: text("indent", "  "),
    width: Number(text("width", "80")),
    sortsKeys: option("sortKeys").type === "True",
  };
  const start = skipSpace(json, 0);
  return `${style.prefix}${layOut(json.slice(start).trimEnd(), style, style.prefix, 0)}\n`;
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

function layOut(json: string, style: Style, margin: string, depth: number): string {
  if (depth > DEPTH_MAX || (json[0] !== "{" && json[0] !== "[")) return json;
  const inner = margin + style.indent;
  if (json[0] === "{") {
    const members: [string, string][] = [];
    eachMember(json, 0, (name, value) => {
      members.push([name, value]);
      return false;
    });
    if (members.length === 0) return "{}";
    if (style.sortsKeys) members.sort(([a], [b]) => compareText(a, b));
    const lines = members.map(
      ([name, value]) => `${inner}${name}: ${layOut(value, style, inner, depth + 1)}`,
    );
    return `{\n${lines.join(",\n")}\n${margin}}`;
  }
  const elements: string[] = [];
  eachElement(json, 0, (value) => {
    elements.push(value);
    return false;
  });
  if (elements.length === 0) return "[]";
  const single = `[${elements.map(uglyJson).join(", ")}]`;
  const isFlat = elements.every((value) => value[0] !== "{" && value[0] !== "[");
  if (isFlat && margin.length + single.length <= style.width) return single;
  const lines = elements.map((value) => inner + layOut(value, style, inner, depth + 1));
  return `[\n${lines.join(",\n")}\n${margin}]`;
}
