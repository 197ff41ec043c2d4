/** Parses kubectl jsonpath templates, with kubectl's messages (docs/contract/expressions.md#4.1 and #4.6). */
import { LanguageError } from "../errors/index.ts";
import { numberValue } from "../text/numbers.ts";
import { codePointText } from "../text/quote.ts";
import type { ArrayRange, Part, TemplateNode } from "./nodes.ts";
import { unquote } from "./unquote.ts";

/** Unions and filters within each other. */
const depthMax = 100;

/** Throws LanguageError with kubectl's message. */
export function parseTemplate(template: string): readonly TemplateNode[] {
  const nodes: TemplateNode[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf("{", at);
    if (open !== at) nodes.push(template.slice(at, open < 0 ? template.length : open));
    if (open < 0) break;
    const action = new ActionParser(template, open + 1, 0);
    nodes.push(action.parts());
    at = action.at;
  }
  return nodes;
}

function parseParts(text: string, depth: number): readonly Part[] {
  if (depth > depthMax) throw problem(`jsonpath is nested deeper than ${depthMax} levels`);
  return new ActionParser(`${text}}`, 0, depth).parts();
}

class ActionParser {
  at: number;
  readonly #text: string;
  readonly #depth: number;
  readonly #parts: Part[] = [];

  constructor(text: string, at: number, depth: number) {
    this.#text = text;
    this.at = at;
    this.#depth = depth;
  }

  /** Reads up to the closing brace and leaves it behind. */
  parts(): readonly Part[] {
    for (;;) {
      if (this.#skip("}")) return this.#parts;
      if (this.#skip("[?(")) this.#filter();
      else if (this.#text.startsWith("..", this.at)) this.#recursive();
      else this.#part();
    }
  }

  #part(): void {
    const char = this.#peek();
    if (char === "" || char === "\n" || char === "\r") throw problem("unclosed action");
    if (char === " " || char === "@" || char === "$") this.at++;
    else if (this.#skip("[")) this.#array();
    else if (char === '"' || char === "'") this.#quote(char);
    else if (this.#skip(".")) this.#field();
    else if (/[+\-\p{Nd}]/u.test(char)) this.#number();
    else if (/[\p{L}\p{Nd}_]/u.test(char)) this.#identifier();
    else throw problem(`unrecognized character in action: ${codePointText(char)}`);
  }

  #peek(): string {
    const code = this.#text.codePointAt(this.at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  #skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  #recursive(): void {
    if (this.#parts.at(-1)?.kind === "recursive") throw problem("invalid multiple recursive descent");
    this.at += 2;
    this.#parts.push({ kind: "recursive" });
    if (/[\p{L}\p{Nd}_]/u.test(this.#peek())) this.#field();
  }

  /** A backslash makes the next character part of the name. */
  #field(): void {
    const start = this.at;
    while (!isTerminator(this.#text.charAt(this.at))) this.at += this.#text[this.at] === "\\" ? 2 : 1;
    const name = this.#text.slice(start, this.at);
    this.#parts.push(
      name === "*" ? { kind: "wildcard" } : { kind: "field", name: name.replaceAll("\\", "") },
    );
  }

  #identifier(): void {
    const start = this.at;
    while (!isTerminator(this.#text.charAt(this.at))) this.at++;
    const name = this.#text.slice(start, this.at);
    if (name === "true" || name === "false") this.#parts.push({ kind: "literal", value: name === "true" });
    else this.#parts.push({ kind: "identifier", name });
  }

  #number(): void {
    const text = /^[+-]?[.\d]*/.exec(this.#text.slice(this.at))?.[0] ?? "";
    this.at += text.length;
    if (/^[+-]?\d+$/.test(text))
      this.#parts.push({ kind: "literal", value: numberValue(text.replace("+", "")) });
    else if (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text))
      this.#parts.push({ kind: "literal", value: Number(text) });
    else throw problem(`cannot parse number ${text}`);
  }

  #quote(quote: string): void {
    const start = this.at++;
    for (;;) {
      const char = this.#text.charAt(this.at++);
      if (char === "" || char === "\n") throw problem("unterminated quoted string");
      if (char === quote && this.#text[this.at - 2] !== "\\") break;
    }
    const quoted = this.#text.slice(start, this.at);
    const value = unquote(quoted);
    if (value === undefined) throw problem(`unquote string ${quoted} error invalid syntax`);
    this.#parts.push({ kind: "text", value });
  }

  #array(): void {
    const end = this.#text.slice(this.at).search(/[\]\n]/);
    if (end < 0 || this.#text[this.at + end] === "\n") throw problem("unterminated array");
    const written = this.#text.slice(this.at, this.at + end);
    this.at += end + 1;
    const text = written === "*" ? ":" : written;
    const alternatives = text.split(",");
    if (alternatives.length > 1) {
      const parts = alternatives.map((each) =>
        parseParts(`[${each.replace(/^ +| +$/g, "")}]`, this.#depth + 1),
      );
      this.#parts.push({ kind: "union", alternatives: parts });
      return;
    }
    const name = /^'([^']*)'$/.exec(text)?.[1];
    // The quoted name is read again as a path, so its dots have to be escaped.
    if (name !== undefined) this.#parts.push(...parseParts(`.${name}`, this.#depth + 1));
    else this.#parts.push({ kind: "array", range: parseRange(text) });
  }

  #filter(): void {
    const start = this.at;
    let quote = "";
    let isClosed = false;
    for (;;) {
      const char = this.#text.charAt(this.at++);
      if (char === "" || char === "\n") throw problem("unterminated filter");
      if (char === '"' || char === "'") {
        if (quote === "") quote = char;
        else if (char === quote && this.#text[this.at - 2] !== "\\") isClosed = true;
      } else if (char === ")" && (quote !== "") === isClosed) break;
    }
    const text = this.#text.slice(start, this.at - 1);
    if (!this.#skip("]")) throw problem("unclosed array expect ]");
    const comparison = /^([^!<>=]+)([!<>=]+)(.+?)$/.exec(text);
    const [, left = text, operator = "exists", right = ""] = comparison ?? [];
    this.#parts.push({
      kind: "filter",
      left: parseParts(left, this.#depth + 1),
      operator,
      right: parseParts(right, this.#depth + 1),
    });
  }
}

/** `n`, `a:b` or `a:b:c`; nothing at all means the first element. */
function parseRange(text: string): ArrayRange {
  const match = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/.exec(text);
  if (match === null) throw problem(`invalid array index ${text}`);
  const [, fromText = "", toText, stepText] = match;
  const from = boundOf(fromText);
  const isSingle = toText === undefined;
  return {
    from,
    to: isSingle ? (from ?? 0) + 1 : boundOf(toText.slice(1)),
    step: stepText === undefined ? undefined : boundOf(stepText.slice(1)),
    isSingle,
  };
}

function boundOf(text: string): number | undefined {
  if (text === "") return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw problem(`array index ${text} is not a number`);
  return value;
}

function isTerminator(char: string): boolean {
  return char === "" || " \t\r\n.,[]$@{}".includes(char);
}

function problem(message: string): LanguageError {
  return new LanguageError("syntax", message);
}
