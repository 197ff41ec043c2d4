/** Tokens of the expression language. */
import { bytesOf } from "../text/byte-text.ts";
import { quoteGo } from "../text/quote.ts";

export type TokenKind = "Identifier" | "Number" | "String" | "Bytes" | "Operator" | "Bracket" | "EOF";

export interface Token {
  readonly kind: TokenKind;
  /** The text; of strings what they stand for. */
  readonly value: string;
  /** Where it starts, in UTF-16 units. */
  readonly at: number;
}

/** A token as messages show it: `Operator("+")`, `EOF`. */
export function tokenText(token: Token): string {
  if (token.kind === "Bytes" && token.value !== "") {
    return `Bytes(${quoteGo(bytesOf(token.value).toString("latin1"))})`;
  }
  return token.value === "" ? token.kind : `${token.kind}(${quoteGo(token.value)})`;
}

const identifierPart = /^[\p{L}\p{Nd}_$]$/u;

export function isIdentifierPart(char: string): boolean {
  return identifierPart.test(char);
}

/** Whether a whole text is an identifier, so that operators such as `in` can be member names. */
export function isIdentifier(text: string): boolean {
  return /^[\p{L}_$][\p{L}\p{Nd}_$]*$/u.test(text);
}
