/** Parses label selectors, with the messages of Kubernetes (docs/contract/expressions.md#3.2, #3.3 and #3.5). */
import { LanguageError } from "../errors/index.ts";
import { compareText } from "../text/byte-text.ts";
import { integerProblems, keyProblems, valueProblems } from "./validate.ts";

export type Operator = "=" | "==" | "!=" | "in" | "notin" | "gt" | "lt" | "exists" | "!";

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** Sorted, without repetitions. */
  readonly values: readonly string[];
}

interface Token {
  readonly kind: "word" | "symbol" | "end";
  readonly text: string;
}

/** The requirements, sorted by key. Throws LanguageError with the message of Kubernetes. */
export function parseSelector(selector: string): readonly Requirement[] {
  const requirements = new SelectorParser(tokenize(selector)).selector();
  return requirements.toSorted((a, b) => compareText(a.key, b.key));
}

/** As messages show it: `{status.phase == [Error]}`. */
export function requirementText(requirement: Requirement): string {
  return `{${requirement.key} ${requirement.operator} [${requirement.values.join(" ")}]}`;
}

function tokenize(selector: string): Token[] {
  const tokens: Token[] = [];
  for (const match of selector.matchAll(/[ \t\r\n]+|([=!(),><]+)|([^ \t\r\n=!(),><]+)/g)) {
    const [, symbols, word] = match;
    if (word !== undefined) tokens.push({ kind: "word", text: word });
    for (const symbol of symbols?.match(/==|!=|./g) ?? []) tokens.push({ kind: "symbol", text: symbol });
  }
  return tokens;
}

class SelectorParser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  selector(): Requirement[] {
    const requirements: Requirement[] = [];
    if (this.#current.kind === "end") return requirements;
    for (;;) {
      const { kind, text } = this.#current;
      if (kind !== "word" && text !== "!") {
        throw problem(`found '${text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const next = this.#take();
      if (next.kind === "end") return requirements;
      if (next.text !== "," || next.kind !== "symbol") {
        throw problem(`found '${next.text}', expected: ',' or 'end of string'`);
      }
      const { kind: following, text: found } = this.#current;
      if (following !== "word" && found !== "!")
        throw problem(`found '${found}', expected: identifier after ','`);
    }
  }

  get #current(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", text: "" };
  }

  #take(): Token {
    const token = this.#current;
    this.#at++;
    return token;
  }

  #requirement(): Requirement {
    const isNegated = this.#current.kind === "symbol" && this.#current.text === "!";
    if (isNegated) this.#take();
    const key = this.#take();
    if (key.kind !== "word") throw unparsable(`found '${key.text}', expected: identifier`);
    checkRequirement(key.text, []);
    const { kind, text } = this.#current;
    if (isNegated) return { key: key.text, operator: "!", values: [] };
    if (kind === "end" || text === ",") return { key: key.text, operator: "exists", values: [] };
    const operator = this.#operator();
    const values = operator === "in" || operator === "notin" ? this.#values() : [this.#exactValue()];
    checkRequirement(key.text, values, operator === "gt" || operator === "lt");
    return { key: key.text, operator, values };
  }

  #operator(): Operator {
    const { kind, text } = this.#take();
    if (kind === "symbol" && (text === "=" || text === "==" || text === "!=")) return text;
    if (kind === "symbol" && (text === ">" || text === "<")) return text === ">" ? "gt" : "lt";
    if (kind === "word" && (text === "in" || text === "notin")) return text;
    throw unparsable(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  /** A missing value is the empty one. */
  #exactValue(): string {
    const { kind, text } = this.#current;
    if (kind === "end" || (kind === "symbol" && text === ",")) return "";
    if (kind !== "word") throw unparsable(`found '${text}', expected: identifier`);
    return this.#take().text;
  }

  #values(): string[] {
    const open = this.#take();
    if (open.kind !== "symbol" || open.text !== "(") throw unparsable(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    const first = this.#current;
    if (first.kind === "symbol" && first.text === ")") {
      this.#take();
      return [""];
    }
    if (first.kind !== "word" && first.text !== ",") {
      throw unparsable(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    for (;;) {
      const token = this.#take();
      if (token.kind === "word") {
        values.add(token.text);
        const { kind, text } = this.#current;
        if (kind === "symbol" && text === ")") break;
        if (kind !== "symbol" || text !== ",") throw unparsable(`found '${text}', expected: ',' or ')'`);
      } else if (token.text === ",") {
        // An empty value lies before a first comma, after a last one and between two; Kubernetes up to 1.34 takes two
        // commas for one and refuses what is left of some of them (docs/contract/expressions.md#3.2).
        if (values.size === 0) values.add("");
        const { text } = this.#current;
        if (text === ")" || text === ",") values.add("");
        if (text === ")") break;
      } else throw unparsable(`found '${token.text}', expected: ',', or identifier`);
    }
    this.#take();
    return [...values].sort(compareText);
  }
}

/** Names all that is wrong with a requirement at once. */
function checkRequirement(key: string, values: readonly string[], isOrder = false): void {
  const problems = [
    ...keyProblems(key),
    ...(isOrder ? values.flatMap((value, i) => integerProblems(value, `values[${i}]`)) : []),
    ...values.flatMap((value, i) => valueProblems(value, `values[${i}][${key}]`)),
  ];
  const [first] = problems;
  if (first !== undefined) throw unparsable(problems.length === 1 ? first : `[${problems.join(", ")}]`);
}

function problem(message: string): LanguageError {
  return new LanguageError("syntax", message);
}

function unparsable(message: string): LanguageError {
  return problem(`unable to parse requirement: ${message}`);
}
