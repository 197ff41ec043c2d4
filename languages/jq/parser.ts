/** Parses jq filters. One file, because every construct holds filters: parts of it would import one another in circles. */
import { quoteGo } from "../text/quote.ts";
import {
  type Definition,
  type Filter,
  literal,
  type ObjectEntry,
  optional,
  type Pattern,
  type PatternEntry,
} from "./ast.ts";
import { tokenize } from "./lexer.ts";
import { TokenCursor } from "./token-cursor.ts";
import { JqError } from "./values.ts";

const depthMax = 400;

/** Operators from loosest to tightest; those of one level stand together. */
const levels: readonly (readonly string[])[] = [
  ["//"],
  ["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="],
  ["or"],
  ["and"],
  ["==", "!=", "<", "<=", ">", ">="],
  ["+", "-"],
  ["*", "/", "%"],
];
const rightAssociative = 0;
const notAssociative: ReadonlySet<number> = new Set([1, 4]);
const keywords: ReadonlySet<string> = new Set(
  "and or if then elif else end as def reduce foreach try catch label import include __loc__".split(" "),
);

/** Throws JqError with gojq's wording. */
export function parseFilter(source: string): Filter {
  return new Parser(tokenize(source)).program();
}

/** Parses definitions alone. */
export function parseDefinitions(source: string): readonly Definition[] {
  return new Parser(tokenize(source)).definitions();
}

/** Definitions with nothing behind them. */
function isDefinitionOnly(filter: Filter): boolean {
  return filter.kind === "def" && (filter.body === nothing || isDefinitionOnly(filter.body));
}

/** Stands behind definitions where the source ends. */
const nothing: Filter = { kind: "identity" };

/** Reads filters off a list of tokens. */
class Parser extends TokenCursor {
  #depth = 0;

  program(): Filter {
    this.#moduleHead();
    const next = this.current;
    if (next.kind === "word" && (next.text === "import" || next.text === "include")) {
      this.advance();
      const path = this.current.parts?.[0];
      throw new JqError(`cannot load module: ${quoteGo(typeof path === "string" ? path : "")}`);
    }
    if (next.kind === "end") throw new JqError('missing query (try ".")');
    const filter = this.pipe();
    if (this.current.kind !== "end") throw this.unexpected();
    if (isDefinitionOnly(filter)) throw new JqError('missing query (try ".")');
    return filter;
  }

  /** `module {…};`, which says what a file is; nobody asks for it here. */
  #moduleHead(): void {
    if (!this.isWord("module") || this.next.text !== "{") return;
    this.advance();
    this.#term();
    this.expect(";");
  }

  definitions(): readonly Definition[] {
    const definitions: Definition[] = [];
    while (this.isWord("def")) definitions.push(this.#definition());
    if (this.current.kind !== "end") throw this.unexpected();
    return definitions;
  }

  pipe(): Filter {
    if (++this.#depth > depthMax) throw new JqError(`filter is nested deeper than ${depthMax} levels`);
    const filter = this.#pipe();
    this.#depth--;
    return filter;
  }

  #pipe(): Filter {
    if (this.isWord("def")) {
      const definition = this.#definition();
      const isLast = this.current.kind === "end";
      return { kind: "def", definition, body: isLast ? nothing : this.pipe() };
    }
    if (this.skipWord("label")) {
      const name = this.take("variable").text;
      this.expect("|");
      return { kind: "label", name, body: this.pipe() };
    }
    const left = this.#comma();
    return this.skip("|") ? { kind: "pipe", left, right: this.pipe() } : left;
  }

  #comma(): Filter {
    let left = this.#binding();
    while (this.skip(",")) left = { kind: "comma", left, right: this.#binding() };
    return left;
  }

  /** Terms joined by operators: the values of objects, and what `as`, `reduce` and `foreach` take apart. */
  operation(): Filter {
    return this.#binary(0, () => this.postfix());
  }

  #binary(level: number, operand: () => Filter): Filter {
    const operators = levels[level];
    if (operators === undefined) return operand();
    let left = this.#binary(level + 1, operand);
    for (let count = 0; ; count++) {
      const { kind, text } = this.current;
      const isOperator = (kind === "operator" || kind === "word") && operators.includes(text);
      if (!isOperator) return left;
      if (count > 0 && notAssociative.has(level)) throw this.unexpected();
      this.advance();
      const right = this.#binary(level === rightAssociative ? level : level + 1, operand);
      left = { kind: level === 1 ? "assign" : "binary", operator: text, left, right };
    }
  }

  /** What is bound is all that stands before `as`; the body is all that follows. */
  #binding(): Filter {
    if (this.isWord("def") || this.isWord("label")) return this.pipe();
    const term = this.operation();
    if (!this.skipWord("as")) return term;
    const patterns = [this.#pattern()];
    while (this.skip("?//")) patterns.push(this.#pattern());
    this.expect("|");
    return { kind: "bind", source: term, patterns, body: this.pipe() };
  }

  /** A term with what follows it directly. */
  postfix(): Filter {
    let term = this.#term();
    for (let isBare = true; ; isBare = false) {
      if (this.skip("?")) term = isBare ? { kind: "try", body: term, handler: undefined } : optional(term);
      else if (this.current.kind === "field")
        term = { kind: "index", target: term, index: literal(this.take("field").text) };
      else if (this.is(".") && this.next.kind === "string") {
        this.advance();
        term = { kind: "index", target: term, index: this.string("text") };
      } else if (this.is("[") || (this.is(".") && this.next.text === "[" && this.next.kind === "operator")) {
        this.skip(".");
        term = this.#brackets(term);
      } else return term;
    }
  }

  #brackets(target: Filter): Filter {
    this.expect("[");
    if (this.skip("]")) return { kind: "iterate", target };
    if (this.skip(":")) {
      const to = this.pipe();
      this.expect("]");
      return { kind: "slice", target, from: undefined, to };
    }
    const index = this.pipe();
    if (this.skip("]")) return { kind: "index", target, index };
    this.expect(":");
    const to = this.is("]") ? undefined : this.pipe();
    this.expect("]");
    return { kind: "slice", target, from: index, to };
  }

  #term(): Filter {
    const token = this.current;
    switch (token.kind) {
      case "number":
        this.advance();
        return { kind: "literal", value: /^\d+$/.test(token.text) ? BigInt(token.text) : Number(token.text) };
      case "string":
        return this.string("text");
      case "format":
        this.advance();
        return this.current.kind === "string"
          ? this.string(token.text)
          : { kind: "format", name: token.text };
      case "field":
        this.advance();
        return { kind: "index", target: { kind: "identity" }, index: literal(token.text) };
      case "variable":
        this.advance();
        return { kind: "variable", name: token.text };
      case "word":
        return this.#word();
      case "operator":
        return this.#operatorTerm();
      default:
        throw this.unexpected();
    }
  }

  #operatorTerm(): Filter {
    if (this.is("-") || this.is("+")) {
      const sign = this.is("-") ? "-" : "+";
      this.advance();
      return { kind: "signed", sign, operand: this.postfix() };
    }
    if (this.skip("..")) return { kind: "recurse" };
    if (this.is(".")) {
      this.advance();
      if (this.current.kind === "string") {
        return { kind: "index", target: { kind: "identity" }, index: this.string("text") };
      }
      return this.is("[") ? this.#brackets({ kind: "identity" }) : { kind: "identity" };
    }
    if (this.skip("(")) {
      const body = this.pipe();
      this.expect(")");
      return body;
    }
    if (this.skip("[")) {
      const body = this.is("]") ? undefined : this.pipe();
      this.expect("]");
      return { kind: "array", body };
    }
    if (this.skip("{")) return this.#object();
    throw this.unexpected();
  }

  #word(): Filter {
    const { text } = this.take("word");
    switch (text) {
      case "if":
        return this.#if();
      case "try": {
        const body = this.postfix();
        return { kind: "try", body, handler: this.skipWord("catch") ? this.postfix() : undefined };
      }
      case "reduce":
      case "foreach":
        return this.#fold(text);
      case "break":
        if (this.current.kind === "variable") return { kind: "break", name: this.take("variable").text };
        break;
    }
    if (text === "true" || text === "false") return { kind: "literal", value: text === "true" };
    if (text === "null") return { kind: "literal", value: null };
    if (keywords.has(text)) {
      this.back();
      throw this.unexpected();
    }
    const args: Filter[] = [];
    if (this.skip("(")) {
      do args.push(this.pipe());
      while (this.skip(";"));
      this.expect(")");
    }
    return { kind: "call", name: text, args };
  }

  #if(): Filter {
    const condition = this.pipe();
    this.expectWord("then");
    const then = this.pipe();
    if (this.skipWord("elif")) return { kind: "if", condition, then, otherwise: this.#if() };
    const otherwise: Filter = this.skipWord("else") ? this.pipe() : { kind: "identity" };
    this.expectWord("end");
    return { kind: "if", condition, then, otherwise };
  }

  #fold(kind: "reduce" | "foreach"): Filter {
    const source = this.operation();
    this.expectWord("as");
    const pattern = this.#pattern();
    this.expect("(");
    const start = this.pipe();
    this.expect(";");
    const update = this.pipe();
    const extract = kind === "foreach" && this.skip(";") ? this.pipe() : undefined;
    this.expect(")");
    if (kind === "reduce") return { kind, source, pattern, start, update };
    return { kind, source, pattern, start, update, extract };
  }

  #definition(): Definition {
    this.expectWord("def");
    const name = this.take("word").text;
    const parameters: string[] = [];
    if (this.skip("(")) {
      do {
        const token = this.current;
        this.advance();
        if (token.kind !== "word" && token.kind !== "variable") {
          this.back();
          throw this.unexpected();
        }
        parameters.push(token.kind === "variable" ? `$${token.text}` : token.text);
      } while (this.skip(";"));
      this.expect(")");
    }
    this.expect(":");
    const body = this.pipe();
    this.expect(";");
    return { name, parameters, body };
  }

  /** A string with its interpolated filters, each formatted. */
  string(format: string): Filter {
    const parts = (this.take("string").parts ?? []).map((part) =>
      typeof part === "string" ? part : new Parser(part).program(),
    );
    const [only] = parts;
    if (parts.length === 1 && typeof only === "string") return literal(only);
    return { kind: "string", format, parts };
  }

  #object(): Filter {
    const entries: ObjectEntry[] = [];
    while (!this.skip("}")) {
      if (entries.length > 0) {
        this.expect(",");
        if (this.skip("}")) break;
      }
      entries.push(this.#entry());
    }
    return { kind: "object", entries };
  }

  #entry(): ObjectEntry {
    const token = this.current;
    if (token.kind === "variable") {
      this.advance();
      const value: Filter = { kind: "variable", name: token.text };
      if (this.skip(":")) return { key: value, value: this.#entryValue() };
      return { key: literal(token.text), value };
    }
    const key = this.#key();
    if (this.skip(":")) return { key, value: this.#entryValue() };
    if (token.text === "(" && token.kind === "operator") throw this.unexpected();
    return { key, value: { kind: "index", target: { kind: "identity" }, index: key } };
  }

  #key(): Filter {
    const token = this.current;
    if (token.kind === "word") {
      this.advance();
      return literal(token.text);
    }
    if (token.kind === "string") return this.string("text");
    this.expect("(");
    const key = this.pipe();
    this.expect(")");
    return key;
  }

  /** A value ends at a comma; neither definitions nor variables can begin in it without parentheses. */
  #entryValue(): Filter {
    const left = this.operation();
    return this.skip("|") ? { kind: "pipe", left, right: this.#entryValue() } : left;
  }

  #pattern(): Pattern {
    if (this.current.kind === "variable") return { kind: "variable", name: this.take("variable").text };
    if (this.skip("[")) {
      const items: Pattern[] = [];
      do items.push(this.#pattern());
      while (this.skip(","));
      this.expect("]");
      return { kind: "array", items };
    }
    this.expect("{");
    const entries: PatternEntry[] = [];
    do {
      const token = this.current;
      const variable = token.kind === "variable" ? this.take("variable").text : undefined;
      const key = variable === undefined ? this.#key() : literal(variable);
      const hasValue = this.skip(":");
      if (!hasValue && variable === undefined) throw this.unexpected();
      entries.push({ key, variable, value: hasValue ? this.#pattern() : undefined });
    } while (this.skip(","));
    this.expect("}");
    return { kind: "object", entries };
  }
}
