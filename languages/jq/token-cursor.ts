/** Walks a list of tokens. */
import { quoteGo } from "../text/quote.ts";
import type { Token } from "./lexer.ts";
import { JqError } from "./values.ts";

export class TokenCursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  advance(): void {
    this.#at++;
  }

  back(): void {
    this.#at--;
  }

  get current(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", text: "" };
  }

  get next(): Token {
    return this.#tokens[this.#at + 1] ?? { kind: "end", text: "" };
  }

  is(operator: string): boolean {
    return this.current.kind === "operator" && this.current.text === operator;
  }

  isWord(word: string): boolean {
    return this.current.kind === "word" && this.current.text === word;
  }

  skip(operator: string): boolean {
    if (!this.is(operator)) return false;
    this.#at++;
    return true;
  }

  skipWord(word: string): boolean {
    if (!this.isWord(word)) return false;
    this.#at++;
    return true;
  }

  expect(operator: string): void {
    if (!this.skip(operator)) throw this.unexpected();
  }

  expectWord(word: string): void {
    if (!this.skipWord(word)) throw this.unexpected();
  }

  take(kind: Token["kind"]): Token {
    const token = this.current;
    if (token.kind !== kind) throw this.unexpected();
    this.#at++;
    return token;
  }

  unexpected(): JqError {
    const { kind, text } = this.current;
    if (kind === "end") return new JqError("unexpected EOF");
    const prefix = { field: ".", variable: "$", format: "@" }[kind as string] ?? "";
    return new JqError(`unexpected token ${quoteGo(prefix + text)}`);
  }
}
