/** Cuts an expression into tokens (docs/contract/expressions.md#1.2). */
import { codePointText, quoteGo } from "../text/quote.ts";
import { sourceError } from "./source-error.ts";
import { readString } from "./string-literals.ts";
import { isIdentifierPart, type Token, type TokenKind } from "./tokens.ts";

const wordOperators: ReadonlySet<string> = new Set([
  "not",
  "in",
  "or",
  "and",
  "matches",
  "contains",
  "startsWith",
  "endsWith",
  "let",
  "if",
  "else",
]);

/** Cuts off token after token, so that what is wrong further on waits for its turn. */
export class Lexer {
  readonly #source: string;
  /** Tokens that were found but not given yet. */
  readonly #tokens: Token[] = [];
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** The next token; at the end always EOF. Throws LanguageError with the place of what is no token. */
  next(): Token {
    if (this.#tokens.length === 0) {
      this.#skipSpace();
      if (this.#at < this.#source.length) this.#token();
    }
    return this.#tokens.shift() ?? { kind: "EOF", value: "", at: lastCharacter(this.#source) };
  }

  #token(): void {
    const start = this.#at;
    const char = this.#charAt(start);
    const next = this.#source[start + char.length] ?? "";
    if (char === '"' || char === "'") this.#string("String", start);
    else if (char === "`") this.#rawString();
    else if ((char === "b" || char === "B") && (next === '"' || next === "'"))
      this.#string("Bytes", start + 1);
    else if (isDigit(char) || (char === "." && isDigit(next))) this.#number();
    else if (isIdentifierPart(char)) this.#word();
    else if (char === "#") this.#pointer();
    else if ("([{)]}".includes(char)) this.#emit("Bracket", 1);
    else if (",;%+-^/".includes(char)) this.#emit("Operator", 1);
    else if (char === "|" || char === ":") this.#emit("Operator", next === char ? 2 : 1);
    else if (char === ".") this.#emit("Operator", next === "." ? 2 : 1);
    else if (char === "?") this.#emit("Operator", next === "." || next === "?" ? 2 : 1);
    else if ("&!=*<>".includes(char)) this.#emit("Operator", next !== "" && "&=*".includes(next) ? 2 : 1);
    else throw this.#error(start, `unrecognized character: ${codePointText(char)}`);
  }

  #skipSpace(): void {
    for (;;) {
      const char = this.#source[this.#at];
      if (char === undefined) return;
      if (char === "/" && this.#source[this.#at + 1] === "/") {
        const end = this.#source.indexOf("\n", this.#at);
        this.#at = end < 0 ? this.#source.length : end;
      } else if (char === "/" && this.#source[this.#at + 1] === "*") {
        const end = this.#source.indexOf("*/", this.#at + 2);
        if (end < 0) throw this.#error(this.#source.length, "unclosed comment");
        this.#at = end + 2;
      } else if (isSpace(char)) this.#at++;
      else return;
    }
  }

  #string(kind: TokenKind, quoteAt: number): void {
    const start = this.#at;
    const { value, end } = readString(this.#source, quoteAt, kind === "Bytes");
    this.#tokens.push({ kind, value, at: start });
    this.#at = end;
  }

  /** No escapes; a doubled backtick stands for one. */
  #rawString(): void {
    const start = this.#at;
    let value = "";
    let from = start + 1;
    for (;;) {
      const end = this.#source.indexOf("`", from);
      if (end < 0) throw this.#error(this.#source.length, "literal not terminated");
      value += this.#source.slice(from, end);
      from = end + 1;
      if (this.#source[from] !== "`") break;
      value += "`";
      from++;
    }
    this.#tokens.push({ kind: "String", value, at: start });
    this.#at = from;
  }

  #number(): void {
    const start = this.#at;
    numberForm.lastIndex = start;
    const end = start + (numberForm.exec(this.#source)?.[0].length ?? 1);
    const after = this.#charAt(end);
    if (after !== "" && isIdentifierPart(after)) {
      const text = this.#source.slice(start, end + after.length);
      throw this.#error(end, `bad number syntax: ${quoteGo(text)}`);
    }
    this.#emit("Number", end - start);
  }

  #word(): void {
    const end = this.#wordEnd(this.#at);
    const word = this.#source.slice(this.#at, end);
    this.#emit(wordOperators.has(word) ? "Operator" : "Identifier", word.length);
  }

  /** `#`, with the name of a variable of the predicate directly behind it. */
  #pointer(): void {
    this.#emit("Operator", this.#source[this.#at + 1] === "#" ? 2 : 1);
    const end = this.#wordEnd(this.#at);
    if (end > this.#at) this.#emit("Identifier", end - this.#at);
  }

  #wordEnd(from: number): number {
    let end = from;
    for (let char = this.#charAt(end); char !== "" && isIdentifierPart(char); char = this.#charAt(end)) {
      end += char.length;
    }
    return end;
  }

  #emit(kind: TokenKind, length: number): void {
    const value = this.#source.slice(this.#at, this.#at + length);
    this.#tokens.push({ kind, value, at: this.#at });
    this.#at += length;
  }

  #charAt(at: number): string {
    const code = this.#source.codePointAt(at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  #error(at: number, message: string): Error {
    return sourceError(this.#source, at, message);
  }
}

/** Prefixes of numbers and the digits that they allow in all parts of the number. */
const numberForms = [
  ["0[xX]", "[\\da-fA-F_]"],
  ["0[oO]", "[0-7_]"],
  ["0[bB]", "[01_]"],
  ["", "[\\d_]"],
] as const;

/** A number as far as it goes; whether it is one shows later. "1..3" is a range, "1." a number. */
const numberForm = new RegExp(
  numberForms
    .map(([prefix, digit]) => `\\.?${prefix}${digit}*(?:(?=\\.\\.)|(?:\\.${digit}*)?(?:[eE][+-]?${digit}*)?)`)
    .join("|"),
  "y",
);

/** Where messages find the end. */
function lastCharacter(source: string): number {
  const isPair = (source.codePointAt(source.length - 2) ?? 0) > 0xffff;
  return Math.max(0, source.length - (isPair ? 2 : 1));
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}

/** Unicode white space, without the byte order mark that JavaScript adds. */
function isSpace(char: string): boolean {
  return char === "\u0085" || (char !== "\ufeff" && /\s/.test(char));
}
