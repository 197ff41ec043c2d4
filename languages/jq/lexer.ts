/** Cuts a jq filter into tokens. */

import { quoteGo } from "../text/quote.ts";
import { JqError } from "./values.ts";

export interface Token {
  readonly kind: "word" | "field" | "variable" | "format" | "number" | "string" | "operator" | "end";
  /** Without what marks its kind; of strings the source. */
  readonly text: string;
  /** Of strings: text, and the tokens of interpolated filters. */
  readonly parts?: readonly (string | readonly Token[])[];
}

const operatorForm =
  /^(?:\?\/\/=?|\/\/=|\|=|\+=|-=|\*=|\/=|%=|==|!=|<=|>=|\/\/|\.\.|[.[\]{}()|,:;=<>+\-*/%?])/;
const wordForm = /^[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*/;
const numberForm = /^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/;
/** What must not follow a number directly: a word, an exponent without digits, another point. */
const numberTail = /^(?:[eE][+-]|[A-Za-z_.])/;
/** A comment ends with its line, unless an odd number of backslashes stands there. */
const comment = /#(?:\\(?:\r\n|[\s\S]|$)|[^\\\r\n])*/.source;
const spaceForm = new RegExp(`(?:\\s+|${comment})*`, "y");
const interpolationDepthMax = 50;

/** Throws JqError for what is no token. */
export function tokenize(source: string): readonly Token[] {
  return new Lexer(source).tokens(false);
}

class Lexer {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Up to the end, or up to the parenthesis that closes an interpolation. */
  tokens(isInterpolated: boolean): readonly Token[] {
    const tokens: Token[] = [];
    let open = 0;
    for (;;) {
      this.#skipSpace();
      if (this.#at >= this.#source.length) {
        if (isInterpolated) throw new JqError("unterminated string literal");
        break;
      }
      const token = this.#token();
      if (token.text === "(" && token.kind === "operator") open++;
      if (token.text === ")" && token.kind === "operator" && --open < 0 && isInterpolated) break;
      tokens.push(token);
    }
    return tokens;
  }

  #token(): Token {
    const rest = this.#source.slice(this.#at, this.#at + 1_000);
    if (rest.startsWith('"')) return this.#string();
    const word = wordForm.exec(rest);
    if (word !== null) return this.#take("word", word[0], word[0]);
    const field = /^\.([A-Za-z_]\w*)/.exec(rest);
    if (field !== null) return this.#take("field", field[1] ?? "", field[0]);
    const variable = /^\$([A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)/.exec(rest);
    if (variable !== null) return this.#take("variable", variable[1] ?? "", variable[0]);
    const format = /^@(\w+)/.exec(rest);
    if (format !== null) return this.#take("format", format[1] ?? "", format[0]);
    const number = numberForm.exec(rest);
    if (number !== null) {
      const tail = numberTail.exec(rest.slice(number[0].length));
      if (tail !== null) throw new JqError(`invalid token ${quoteGo(number[0] + tail[0])}`);
      return this.#take("number", number[0], number[0]);
    }
    const operator = operatorForm.exec(rest);
    if (operator !== null) return this.#take("operator", operator[0], operator[0]);
    throw new JqError(`unexpected token ${quoteGo(String.fromCodePoint(rest.codePointAt(0) ?? 0))}`);
  }

  #take(kind: Token["kind"], text: string, source: string): Token {
    this.#at += source.length;
    return { kind, text };
  }

  #skipSpace(): void {
    spaceForm.lastIndex = this.#at;
    this.#at += spaceForm.exec(this.#source)?.[0].length ?? 0;
  }

  #string(): Token {
    if (++this.#depth > interpolationDepthMax) throw new JqError("string interpolation is nested too deeply");
    const parts: (string | readonly Token[])[] = [];
    let text = "";
    const start = this.#at++;
    for (;;) {
      const char = this.#source[this.#at];
      if (char === undefined) throw new JqError("unterminated string literal");
      this.#at++;
      if (char === '"') break;
      if (char !== "\\") text += char;
      else if (this.#source[this.#at] === "(") {
        this.#at++;
        parts.push(text, this.tokens(true));
        text = "";
      } else text += this.#escape();
    }
    parts.push(text);
    this.#depth--;
    return {
      kind: "string",
      text: this.#source.slice(start, this.#at),
      parts: parts.map((part) => (typeof part === "string" ? part.toWellFormed() : part)),
    };
  }

  #escape(): string {
    const rest = this.#source.slice(this.#at, this.#at + 5);
    const code = /^u([\da-fA-F]{4})/.exec(rest)?.[1];
    const simple =
      code === undefined ? escapes[rest[0] ?? ""] : String.fromCharCode(Number.parseInt(code, 16));
    if (simple === undefined)
      throw new JqError(`invalid escape sequence "\\${rest[0] ?? ""}" in string literal`);
    this.#at += code === undefined ? 1 : 5;
    return simple;
  }
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
