/**
 * Strict JSON text to values of the caller's choice, with numbers as they are written, so that no digit is lost.
 * Messages are those of Go's decoder, which users see from `fromJSON` (docs/contract/expressions.md#1.9).
 */
import { LanguageError, type LanguageErrorReason } from "../errors/index.ts";
import { bytesOf } from "./byte-text.ts";
import { quoteGo } from "./quote.ts";

/** What the parser makes of the parts of a document. */
export interface JsonBuilder<T> {
  readonly literal: (value: null | boolean) => T;
  readonly string: (value: string) => T;
  /** Gets the source text of the number. */
  readonly number: (text: string) => T;
  readonly array: (items: T[]) => T;
  /** The last of two members with the same name has won already. */
  readonly object: (members: Map<string, T>) => T;
}

/** Nesting that Go's decoder allows. */
const depthMax = 10_000;
/** Nesting that our recursion allows; documents deeper than this do not occur. */
const recursionMax = 2_000;

/** Parses a whole text. Throws LanguageError with Go's message. */
export function parseJson<T>(text: string, builder: JsonBuilder<T>): T {
  const parser = new JsonParser(text, builder);
  return parser.document();
}

class JsonParser<T> {
  readonly #text: string;
  readonly #builder: JsonBuilder<T>;
  #at = 0;
  #depth = 0;

  constructor(text: string, builder: JsonBuilder<T>) {
    this.#text = text;
    this.#builder = builder;
  }

  document(): T {
    const value = this.#value("looking for beginning of value");
    this.#space();
    if (this.#at < this.#text.length) this.#unexpected("after top-level value", "MoreText");
    return value;
  }

  #value(context: string): T {
    this.#space();
    const unit = this.#text.charCodeAt(this.#at);
    switch (unit) {
      case 0x22:
        return this.#builder.string(this.#string());
      case 0x7b:
        return this.#object();
      case 0x5b:
        return this.#array();
      case 0x74:
        return this.#word("true", true);
      case 0x66:
        return this.#word("false", false);
      case 0x6e:
        return this.#word("null", null);
    }
    if (unit === 0x2d || isDigit(unit)) return this.#builder.number(this.#number());
    return this.#unexpected(context);
  }

  #object(): T {
    this.#enter();
    const members = new Map<string, T>();
    this.#at++;
    this.#space();
    if (this.#text.charCodeAt(this.#at) === 0x7d) this.#at++;
    else {
      for (;;) {
        this.#space();
        if (this.#text.charCodeAt(this.#at) !== 0x22)
          this.#unexpected("looking for beginning of object key string");
        const name = this.#string();
        this.#space();
        if (this.#text.charCodeAt(this.#at) !== 0x3a) this.#unexpected("after object key");
        this.#at++;
        members.set(name, this.#value("looking for beginning of value"));
        this.#space();
        const unit = this.#text.charCodeAt(this.#at);
        if (unit !== 0x2c && unit !== 0x7d) this.#unexpected("after object key:value pair");
        this.#at++;
        if (unit === 0x7d) break;
      }
    }
    this.#depth--;
    return this.#builder.object(members);
  }

  #array(): T {
    this.#enter();
    const items: T[] = [];
    this.#at++;
    this.#space();
    if (this.#text.charCodeAt(this.#at) === 0x5d) this.#at++;
    else {
      for (;;) {
        items.push(this.#value("looking for beginning of value"));
        this.#space();
        const unit = this.#text.charCodeAt(this.#at);
        if (unit !== 0x2c && unit !== 0x5d) this.#unexpected("after array element");
        this.#at++;
        if (unit === 0x5d) break;
      }
    }
    this.#depth--;
    return this.#builder.array(items);
  }

  #enter(): void {
    this.#depth++;
    if (this.#depth > depthMax) throw new LanguageError("evaluation", "exceeded max depth");
    if (this.#depth > recursionMax) {
      throw new LanguageError("memory", `JSON is nested deeper than ${recursionMax} levels`);
    }
  }

  #string(): string {
    const start = ++this.#at;
    let plain = true;
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === 0x22) break;
      if (unit === 0x5c) {
        plain = false;
        this.#at++;
        this.#escape();
      } else if (unit >= 0x20) this.#at++;
      else this.#unexpected("in string literal");
    }
    const raw = this.#text.slice(start, this.#at++);
    return plain ? raw : unescapeJson(raw);
  }

  #escape(): void {
    const unit = this.#text.charCodeAt(this.#at);
    if (unit !== 0x75) {
      if (Number.isNaN(unit) || !'"\\/bfnrt'.includes(String.fromCharCode(unit))) {
        this.#unexpected("in string escape code");
      }
      this.#at++;
      return;
    }
    this.#at++;
    for (let i = 0; i < 4; i++, this.#at++) {
      if (!isHexDigit(this.#text.charCodeAt(this.#at)))
        this.#unexpected("in \\u hexadecimal character escape");
    }
  }

  #number(): string {
    const start = this.#at;
    const text = this.#text;
    if (text.charCodeAt(this.#at) === 0x2d) this.#at++;
    if (text.charCodeAt(this.#at) === 0x30) this.#at++;
    else this.#digits("in numeric literal");
    if (text.charCodeAt(this.#at) === 0x2e) {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if ((text.charCodeAt(this.#at) | 0x20) === 0x65) {
      this.#at++;
      const sign = text.charCodeAt(this.#at);
      if (sign === 0x2b || sign === 0x2d) this.#at++;
      this.#digits("in exponent of numeric literal");
    }
    return text.slice(start, this.#at);
  }

  #digits(context: string): void {
    if (!isDigit(this.#text.charCodeAt(this.#at))) this.#unexpected(context);
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #word(word: string, value: null | boolean): T {
    for (let i = 0; i < word.length; i++, this.#at++) {
      if (this.#text[this.#at] !== word[i]) this.#unexpected(`in literal ${word} (expecting '${word[i]}')`);
    }
    return this.#builder.literal(value);
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #unexpected(context: string, reason?: LanguageErrorReason): never {
    if (this.#at >= this.#text.length) {
      // Within a literal, a number or an escape the reference reads the end as a space.
      const isWithin = /^(?:in (?!string literal)|after decimal)/.test(context);
      const message = isWithin ? `invalid character ' ' ${context}` : "unexpected end of JSON input";
      throw new LanguageError("evaluation", message, undefined, isWithin ? undefined : "EndOfText");
    }
    // Go looks at one byte, whatever it is part of.
    const [byte = 0] = bytesOf(String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0));
    const char = String.fromCharCode(byte);
    throw new LanguageError(
      "evaluation",
      `invalid character ${quoteChar(char)} ${context}`,
      undefined,
      reason,
    );
  }
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** The text of a checked JSON string body; surrogates without a partner become U+FFFD, as in Go. */
export function unescapeJson(raw: string): string {
  const text = raw.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, char: string) =>
    code === undefined ? (escapes[char] ?? char) : String.fromCharCode(Number.parseInt(code, 16)),
  );
  return text.toWellFormed();
}

/** A character as Go's decoder quotes it in messages. */
function quoteChar(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return "'\"'";
  return `'${quoteGo(char).slice(1, -1)}'`;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function isHexDigit(unit: number): boolean {
  const lower = unit | 0x20;
  return isDigit(unit) || (lower >= 0x61 && lower <= 0x66);
}
