/**
 * Tokens to a syntax tree (docs/contract/expressions.md#1.3). One file, because every construct holds expressions: parts of
 * it would import one another in circles.
 */
import { LanguageError } from "../errors/index.ts";
import { bytesOf } from "../text/byte-text.ts";
import type { Node } from "./ast.ts";
import { Lexer } from "./lexer.ts";
import { parseNumber } from "./number-literals.ts";
import { sourceError } from "./source-error.ts";
import {
  type ArgumentForm,
  binaryOperators,
  comparisons,
  negatable,
  predicateBuiltins,
  unaryOperators,
} from "./syntax.ts";
import { isIdentifier, type Token, type TokenKind, tokenText } from "./tokens.ts";

const nodesMax = 10_000;
/** Open constructs at one place; far above what people write, far below the end of the stack. */
const depthMax = 1_000;

export interface ParseOptions {
  /** Whether `name(…)` means the builtin of that name. */
  readonly isBuiltin: (name: string) => boolean;
  /** Whether the environment has a value of that name, which then hides the builtin. */
  readonly isOverridden: (name: string) => boolean;
}

/** Parses a whole expression. Throws LanguageError with the place of the first error. */
export function parseExpression(source: string, options: ParseOptions): Node {
  const parser = new Parser(source, options);
  const node = parser.sequence();
  if (!parser.is("EOF")) throw parser.unexpected();
  return node;
}

class Parser {
  readonly source: string;
  readonly #options: ParseOptions;
  readonly #lexer: Lexer;
  #current: Token;
  /** The token behind the current one, where that had to be looked at. */
  #stashed: Token | undefined;
  #nodes = 0;
  #depth = 0;
  #predicates = 0;

  constructor(source: string, options: ParseOptions) {
    this.source = source;
    this.#options = options;
    this.#lexer = new Lexer(source);
    this.#current = this.#lexer.next();
  }

  get current(): Token {
    return this.#current;
  }

  is(kind: TokenKind, value?: string): boolean {
    const token = this.current;
    return token.kind === kind && (value === undefined || token.value === value);
  }

  /** The current token, which is left behind. */
  take(): Token {
    const token = this.current;
    if (token.kind === "EOF") throw this.error(token.at, "unexpected end of expression");
    this.#current = this.#stashed ?? this.#lexer.next();
    this.#stashed = undefined;
    return token;
  }

  /** Takes a token of a kind, or fails. */
  expect(kind: TokenKind, value?: string): Token {
    if (!this.is(kind, value)) throw this.unexpected();
    return this.take();
  }

  /** Takes the token if it is the one. */
  accept(kind: TokenKind, value: string): boolean {
    if (!this.is(kind, value)) return false;
    this.take();
    return true;
  }

  #putBack(token: Token): void {
    this.#stashed = this.#current;
    this.#current = token;
  }

  unexpected(): LanguageError {
    return this.error(this.current.at, `unexpected token ${tokenText(this.current)}`);
  }

  error(at: number, message: string): LanguageError {
    return sourceError(this.source, at, message);
  }

  /** Counts a node of the tree. */
  node<N extends Node>(node: N): N {
    this.countNode();
    return node;
  }

  countNode(): void {
    if (++this.#nodes > nodesMax) {
      throw new LanguageError("memory", "compilation failed: expression exceeds maximum allowed nodes");
    }
  }

  sequence(): Node {
    const first = this.expression(0);
    if (!this.is("Operator", ";")) return first;
    const nodes = [first];
    while (this.accept("Operator", ";")) {
      if (this.is("EOF")) break;
      nodes.push(this.expression(0));
    }
    return nodes.length === 1 ? first : this.node({ kind: "sequence", at: first.at, nodes });
  }

  expression(precedence: number): Node {
    if (++this.#depth > depthMax) {
      throw this.error(this.current.at, `expression is nested deeper than ${depthMax} levels`);
    }
    const node = this.#expression(precedence);
    this.#depth--;
    return node;
  }

  #expression(precedence: number): Node {
    if (precedence === 0 && this.is("Operator", "let")) return this.#let();
    if (precedence === 0 && this.is("Operator", "if")) return this.#if();
    let left = this.#primary();
    let previous = "";
    while (this.is("Operator")) {
      const not = this.is("Operator", "not") ? this.take() : undefined;
      const token = this.current;
      if (not !== undefined && !negatable.has(token.value)) throw this.unexpected();
      const operator = binaryOperators.get(token.value);
      if (operator === undefined || operator.precedence < precedence) {
        if (not !== undefined) this.#putBack(not);
        break;
      }
      this.take();
      if (token.value === "|") left = this.#call(this.expect("Identifier"), [left], true);
      else {
        if (previous === "??" && token.value !== "??") {
          const problem = `Operator (${token.value}) and coalesce expressions (??) cannot be mixed.`;
          throw this.error(token.at, `${problem} Wrap either by parentheses.`);
        }
        if (comparisons.has(token.value)) left = this.#comparison(left, token, operator.precedence);
        else {
          const right = this.expression(operator.precedence + (operator.isRightAssociative ? 0 : 1));
          left = this.node({ kind: "binary", at: token.at, operator: token.value, left, right });
          if (not !== undefined)
            left = this.node({ kind: "unary", at: token.at, operator: "not", operand: left });
        }
      }
      previous = token.value;
    }
    return precedence === 0 ? this.#conditional(left) : left;
  }

  /** `a < b < c` means `a < b && b < c`. */
  #comparison(first: Node, firstToken: Token, precedence: number): Node {
    let token = firstToken;
    let left = first;
    let root: Node | undefined;
    for (;;) {
      const right = this.expression(precedence + 1);
      const comparison = this.node({ kind: "binary", at: token.at, operator: token.value, left, right });
      root =
        root === undefined
          ? comparison
          : this.node({ kind: "binary", at: token.at, operator: "&&", left: root, right: comparison });
      left = right;
      if (!(this.is("Operator") && comparisons.has(this.current.value))) return root;
      token = this.take();
    }
  }

  #conditional(first: Node): Node {
    let node = first;
    while (this.is("Operator", "?")) {
      this.take();
      const isShort = this.accept("Operator", ":");
      const consequent = isShort ? node : this.expression(0);
      if (!isShort) this.expect("Operator", ":");
      const otherwise = this.expression(0);
      // Messages point behind the whole.
      const { at } = this.current;
      node = this.node({ kind: "conditional", at, condition: node, consequent, otherwise });
    }
    return node;
  }

  #primary(): Node {
    const token = this.current;
    const binding = token.kind === "Operator" ? unaryOperators.get(token.value) : undefined;
    if (binding !== undefined) {
      this.take();
      const operand = this.expression(binding);
      return this.#postfix(this.node({ kind: "unary", at: token.at, operator: token.value, operand }));
    }
    if (this.accept("Bracket", "(")) {
      const node = this.sequence();
      this.expect("Bracket", ")");
      return this.#postfix(node);
    }
    if (this.#predicates > 0 && (this.is("Operator", "#") || this.is("Operator", "."))) {
      const name = this.accept("Operator", "#") && this.is("Identifier") ? this.take().value : "";
      return this.#postfix(this.node({ kind: "pointer", at: token.at, name }));
    }
    if (this.accept("Operator", "::")) {
      return this.#postfix(this.#call(this.expect("Identifier"), [], false));
    }
    return this.#literal();
  }

  #literal(): Node {
    const token = this.current;
    const { at } = token;
    switch (token.kind) {
      case "Identifier":
        return this.#identifier();
      case "Number":
        this.take();
        return this.node({ kind: "constant", at, value: parseNumber(token, this.current.at, this.source) });
      case "String":
        this.take();
        return this.#postfix(this.node({ kind: "constant", at, value: token.value }));
      case "Bytes":
        this.take();
        return this.#postfix(this.node({ kind: "constant", at, value: bytesOf(token.value) }));
    }
    if (this.is("Bracket", "[")) return this.#postfix(this.#list());
    if (this.is("Bracket", "{")) return this.#postfix(this.#map());
    throw this.unexpected();
  }

  #identifier(): Node {
    const token = this.take();
    const { at } = token;
    if (token.value === "nil") return this.node({ kind: "constant", at, value: null });
    if (token.value === "true" || token.value === "false") {
      return this.node({ kind: "constant", at, value: token.value === "true" });
    }
    if (this.is("Bracket", "(")) return this.#postfix(this.#call(token, [], true));
    return this.#postfix(this.node({ kind: "name", at, name: token.value }));
  }

  /** `piped` holds the value on the left of a pipe. */
  #call(name: Token, piped: readonly Node[], mayOverride: boolean): Node {
    const isOverridden = mayOverride && this.#options.isOverridden(name.value);
    const forms = isOverridden ? undefined : predicateBuiltins.get(name.value);
    if (forms !== undefined) {
      const args = this.#predicateArguments(forms, piped);
      return this.node({ kind: "builtin", at: name.at, name: name.value, args });
    }
    if (!isOverridden && this.#options.isBuiltin(name.value)) {
      return this.node({ kind: "builtin", at: name.at, name: name.value, args: this.#arguments(piped) });
    }
    const callee = this.node({ kind: "name", at: name.at, name: name.value });
    return this.node({ kind: "call", at: name.at, callee, args: this.#arguments(piped) });
  }

  /** What a builtin evaluates for each element. */
  predicate(): Node {
    const { at } = this.current;
    const isBraced = this.accept("Bracket", "{");
    this.#predicates++;
    const body = isBraced ? this.sequence() : this.expression(0);
    if (!isBraced && this.is("Operator", ";")) {
      throw this.error(this.current.at, "wrap predicate with brackets { and }");
    }
    this.#predicates--;
    if (isBraced) this.expect("Bracket", "}");
    return this.node({ kind: "predicate", at, body });
  }

  /** Reads all that follows `first` directly. */
  #postfix(first: Node): Node {
    let node = first;
    for (;;) {
      if (this.accept("Operator", ".")) node = this.#member(node, false);
      else if (this.accept("Operator", "?.")) {
        node = this.is("Bracket", "[") ? this.#brackets(node, true) : this.#member(node, true);
      } else if (this.is("Bracket", "[")) node = this.#brackets(node, false);
      else return node;
    }
  }

  /** `.name` or `.name(…)`. It joins an optional chain before it, even across parentheses. */
  #member(base: Node, isOptional: boolean): Node {
    const token = this.take();
    const isName = token.kind === "Identifier" || (token.kind === "Operator" && isIdentifier(token.value));
    if (!isName) throw this.error(this.current.at, "expected name");
    const { at, value } = token;
    const property = this.node({ kind: "constant", at, value });
    const object = base.kind === "chain" ? base.node : base;
    const member = this.node({ kind: "member", at, object, property, isOptional });
    const node = this.is("Bracket", "(")
      ? this.node({ kind: "call", at, callee: member, args: this.#arguments([]) })
      : member;
    return base.kind === "chain" || isOptional ? this.node({ kind: "chain", at, node }) : node;
  }

  /** `[index]` or `[from:to]`. An index never joins the chain before it. */
  #brackets(object: Node, isOptional: boolean): Node {
    const { at } = this.expect("Bracket", "[");
    const from = this.is("Operator", ":") ? undefined : this.expression(0);
    if (!this.accept("Operator", ":")) {
      const property = from ?? object;
      this.expect("Bracket", "]");
      const member = this.node({ kind: "member", at, object, property, isOptional });
      return isOptional ? this.node({ kind: "chain", at, node: member }) : member;
    }
    const to = this.is("Bracket", "]") ? undefined : this.expression(0);
    this.expect("Bracket", "]");
    return this.node({ kind: "slice", at, object, from, to });
  }

  /** The arguments in parentheses, behind those that a pipe has brought. */
  #arguments(piped: readonly Node[]): readonly Node[] {
    const args: Node[] = [...piped];
    this.expect("Bracket", "(");
    while (!this.is("Bracket", ")")) {
      if (args.length > piped.length) {
        this.expect("Operator", ",");
        if (this.is("Bracket", ")")) break;
      }
      args.push(this.expression(0));
    }
    this.expect("Bracket", ")");
    return args;
  }

  /** As the above, for a builtin that evaluates one of them for each element. */
  #predicateArguments(forms: readonly ArgumentForm[], piped: readonly Node[]): readonly Node[] {
    const args: Node[] = [...piped];
    const wanted = forms.slice(piped.length);
    this.expect("Bracket", "(");
    for (const [i, form] of wanted.entries()) {
      if (this.is("Bracket", ")")) {
        if (form.startsWith("optional")) break;
        throw this.error(this.current.at, `expected at least ${wanted.length} arguments`);
      }
      if (i > 0) this.expect("Operator", ",");
      args.push(form.endsWith("predicate") ? this.predicate() : this.expression(0));
    }
    this.accept("Operator", ",");
    this.expect("Bracket", ")");
    return args;
  }

  #list(): Node {
    const { at } = this.expect("Bracket", "[");
    const items: Node[] = [];
    while (!this.is("Bracket", "]")) {
      if (items.length > 0) {
        this.expect("Operator", ",");
        if (this.is("Bracket", "]")) break;
      }
      items.push(this.expression(0));
    }
    this.expect("Bracket", "]");
    return this.node({ kind: "list", at, items });
  }

  #map(): Node {
    const { at } = this.expect("Bracket", "{");
    const pairs: { key: Node; value: Node }[] = [];
    while (!this.is("Bracket", "}")) {
      if (pairs.length > 0) {
        this.expect("Operator", ",");
        if (this.is("Bracket", "}")) break;
        if (this.is("Operator", ",")) throw this.unexpected();
      }
      const key = this.#mapKey();
      this.expect("Operator", ":");
      this.countNode();
      pairs.push({ key, value: this.expression(0) });
    }
    this.expect("Bracket", "}");
    return this.node({ kind: "map", at, pairs });
  }

  #mapKey(): Node {
    const token = this.current;
    if (token.kind === "Number" || token.kind === "String" || token.kind === "Identifier") {
      this.take();
      return this.node({ kind: "constant", at: token.at, value: token.value });
    }
    if (this.is("Bracket", "(")) return this.expression(0);
    const forms = "a quoted string, a number, a identifier, or an expression enclosed in parentheses";
    throw this.error(token.at, `a map key must be ${forms} (unexpected token ${tokenText(token)})`);
  }

  #let(): Node {
    this.take();
    const name = this.expect("Identifier");
    this.expect("Operator", "=");
    const value = this.expression(0);
    this.expect("Operator", ";");
    return this.node({ kind: "let", at: name.at, name: name.value, value, body: this.sequence() });
  }

  #if(): Node {
    this.take();
    const condition = this.expression(0);
    const consequent = this.#block();
    this.expect("Operator", "else");
    const otherwise = this.is("Operator", "if") ? this.expression(0) : this.#block();
    // The reference neither counts the node nor knows its place.
    return { kind: "conditional", at: 0, condition, consequent, otherwise };
  }

  #block(): Node {
    this.expect("Bracket", "{");
    const node = this.sequence();
    this.expect("Bracket", "}");
    return node;
  }
}
