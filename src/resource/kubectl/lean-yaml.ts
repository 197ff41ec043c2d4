import { ExecutorError } from "../../errors/index.ts";
import { type Json, objectOf } from "./json.ts";
import { finite, isEnd, NotLean, readFlow, readQuoted } from "./lean-yaml-flow.ts";
import { memberName, plainScalar } from "./yaml-scalar.ts";

/** Deeper than any manifest; the package has a limit of its own. */
const depthMax = 100;
/** Characters that end lines, or are blank to one reader and not to another. */
const strange =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff\ufffe\uffff]/;
const keyForm = /^([A-Za-z0-9_][A-Za-z0-9_./-]*|"[A-Za-z0-9_./-]*"|'[A-Za-z0-9_./-]*'):(?= |$)/;
/** A scalar without quotes begins with what means nothing else, and holds no sign of a mapping or a comment. */
const plainForm =
  /^(?:[A-Za-z0-9_./$+(~\\^;=<\u00a1-\ud7ff]|-[A-Za-z0-9_./])(?:[^:# ]|:(?! |$)|#|(?<! ) +(?=[^ #]))*$/;

interface Line {
  /** Blanks before the text. */
  readonly indent: number;
  readonly text: string;
}

/** Of a value: the column of what holds it. */
interface Place {
  readonly indent: number;
  readonly depth: number;
  /** The items of a list that a key holds may stand in the key's own column. */
  readonly mayHoldList: boolean;
}

/**
 * Reads one YAML document that is written as most manifests are: mappings and lists by indentation, scalars on one line,
 * braces and brackets on one line, texts behind `|`. The parser for all of YAML takes 25 ms of CPU to load.
 * Returns undefined for everything else, whether it is YAML or not.
 */
export function readLeanYaml(text: string): Json | undefined {
  if (strange.test(text)) return undefined;
  try {
    return new Reader(text).document();
  } catch (error) {
    // A key that is none is told by the package, after what else may be wrong.
    if (error instanceof NotLean || error instanceof ExecutorError) return undefined;
    throw error;
  }
}

class Reader {
  readonly #lines: readonly string[];
  readonly #endsInLine: boolean;
  #at = 0;

  constructor(text: string) {
    this.#lines = text.split("\n");
    this.#endsInLine = text.endsWith("\n");
  }

  document(): Json {
    const first = this.#next();
    if (first === undefined || !keyForm.test(first.text)) throw new NotLean();
    const value = this.#mapping(first.indent, 0);
    if (this.#next() !== undefined) throw new NotLean();
    return value;
  }

  /** The next line that says something; it stays. */
  #next(): Line | undefined {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at] ?? "";
      const text = line.trim();
      if (text !== "" && !text.startsWith("#"))
        return { indent: line.length - line.trimStart().length, text };
    }
    return undefined;
  }

  #mapping(indent: number, depth: number): Json {
    if (depth > depthMax) throw new NotLean();
    const members = new Map<string, Json>();
    for (let line = this.#next(); line !== undefined && line.indent === indent; line = this.#next()) {
      const [whole, key = ""] = keyForm.exec(line.text) ?? [];
      // In a list, what stands where its items do belongs to it, or to nothing.
      if (whole === undefined) break;
      this.#at++;
      const value = this.#value(line.text.slice(whole.length), { indent, depth, mayHoldList: true });
      const isQuoted = /^["']/.test(key);
      const name = isQuoted ? key.slice(1, -1) : memberName(plainScalar(key), key);
      members.delete(name);
      members.set(name, value);
    }
    this.#mustNotGoOn(indent);
    return objectOf(members);
  }

  #list(indent: number, depth: number): Json {
    if (depth > depthMax) throw new NotLean();
    const items: Json[] = [];
    for (let line = this.#next(); line !== undefined && line.indent === indent; line = this.#next()) {
      const [dash] = /^-(?: +|$)/.exec(line.text) ?? [];
      if (dash === undefined) break;
      const rest = line.text.slice(dash.length);
      if (rest.startsWith("- ") || rest === "-") throw new NotLean();
      if (keyForm.test(rest)) {
        // The first member stands behind the dash: the others, below it.
        const inner = indent + dash.length;
        (this.#lines as string[])[this.#at] = " ".repeat(inner) + rest;
        items.push(this.#mapping(inner, depth + 1));
      } else {
        this.#at++;
        items.push(this.#value(dash.endsWith(" ") ? ` ${rest}` : "", { indent, depth, mayHoldList: false }));
      }
    }
    this.#mustNotGoOn(indent);
    return items;
  }

  /** A line that stands deeper, and is nobody's, goes on with a scalar, or is wrong. */
  #mustNotGoOn(indent: number): void {
    const line = this.#next();
    if (line !== undefined && line.indent > indent) throw new NotLean();
  }

  /** What stands behind a colon or a dash, or below it. */
  #value(behind: string, of: Place): Json {
    const text = behind.trim();
    if (text === "" || text.startsWith("#")) return this.#below(of);
    if (text.startsWith("|")) return this.#literal(text, of.indent);
    const value = scalarOrFlow(text);
    this.#mustNotGoOn(of.indent);
    return value;
  }

  #below({ indent, depth, mayHoldList }: Place): Json {
    const line = this.#next();
    if (line === undefined || line.indent < indent) return null;
    const isItem = /^-(?: |$)/.test(line.text);
    if (line.indent === indent) return mayHoldList && isItem ? this.#list(indent, depth + 1) : null;
    if (isItem) return this.#list(line.indent, depth + 1);
    if (!keyForm.test(line.text)) throw new NotLean();
    return this.#mapping(line.indent, depth + 1);
  }

  /** `|` keeps lines as they are, and one line feed at their end; `|-` keeps none. */
  #literal(header: string, indent: number): Json {
    if (header !== "|" && header !== "|-") throw new NotLean();
    const first = this.#lines[this.#at] ?? "";
    const inner = first.length - first.trimStart().length;
    if (first.trim() === "" || inner <= indent) throw new NotLean();
    const kept: string[] = [];
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at] ?? "";
      const isBlank = line.trim() === "";
      if (isBlank && line !== "") throw new NotLean();
      const own = line.length - line.trimStart().length;
      if (!isBlank && own <= indent) break;
      if (!isBlank && own < inner) throw new NotLean();
      kept.push(line.slice(inner));
    }
    const isLast = this.#at >= this.#lines.length;
    if (isLast && !this.#endsInLine) throw new NotLean();
    while (kept.at(-1) === "") kept.pop();
    return kept.join("\n") + (header === "|" ? "\n" : "");
  }
}

/** A whole value on its line, with a comment behind it at most. */
function scalarOrFlow(text: string): Json {
  const [first = ""] = text;
  if (first === "{" || first === "[") return readFlow(text);
  if (first === '"' || first === "'") {
    const { value, end } = readQuoted(text, 0);
    if (!isEnd(text, end)) throw new NotLean();
    return value;
  }
  const plain = text.replace(/ +#.*$/, "");
  if (!plainForm.test(plain)) throw new NotLean();
  return finite(plainScalar(plain));
}
