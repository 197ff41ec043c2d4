/** Object constructions, and patterns that take values apart. */
import { type Filter, literal, type ObjectEntry, type Pattern, type PatternEntry } from "./ast.ts";
import type { Parser } from "./parser.ts";

export function parseObject(parser: Parser): Filter {
  const entries: ObjectEntry[] = [];
  while (!parser.skip("}")) {
    if (entries.length > 0) {
      parser.expect(",");
      if (parser.skip("}")) break;
    }
    entries.push(parseEntry(parser));
  }
  return { kind: "object", entries };
}

function parseEntry(parser: Parser): ObjectEntry {
  const token = parser.current;
  if (token.kind === "variable") {
    parser.advance();
    const value: Filter = { kind: "variable", name: token.text };
    if (parser.skip(":")) return { key: value, value: parseEntryValue(parser) };
    return { key: literal(token.text), value };
  }
  const key = parseKey(parser);
  if (parser.skip(":")) return { key, value: parseEntryValue(parser) };
  if (token.text === "(" && token.kind === "operator") throw parser.unexpected();
  return { key, value: { kind: "index", target: { kind: "identity" }, index: key } };
}

function parseKey(parser: Parser): Filter {
  const token = parser.current;
  if (token.kind === "word") {
    parser.advance();
    return literal(token.text);
  }
  if (token.kind === "string") return parser.string("text");
  if (token.kind === "format" && parser.next.kind === "string") {
    parser.advance();
    return parser.string(token.text);
  }
  parser.expect("(");
  const key = parser.pipe();
  parser.expect(")");
  return key;
}

/** A value ends at a comma; neither definitions nor variables can begin in it without parentheses. */
function parseEntryValue(parser: Parser): Filter {
  const left = parser.operation();
  return parser.skip("|") ? { kind: "pipe", left, right: parseEntryValue(parser) } : left;
}

export function parsePattern(parser: Parser): Pattern {
  if (parser.current.kind === "variable") return { kind: "variable", name: parser.take("variable").text };
  if (parser.skip("[")) {
    const items: Pattern[] = [];
    do items.push(parsePattern(parser));
    while (parser.skip(","));
    parser.expect("]");
    return { kind: "array", items };
  }
  parser.expect("{");
  const entries: PatternEntry[] = [];
  do {
    const token = parser.current;
    const variable = token.kind === "variable" ? parser.take("variable").text : undefined;
    const key = variable === undefined ? parseKey(parser) : literal(variable);
    const hasValue = parser.skip(":");
    if (!hasValue && variable === undefined) throw parser.unexpected();
    entries.push({ key, variable, value: hasValue ? parsePattern(parser) : undefined });
  } while (parser.skip(","));
  parser.expect("}");
  return { kind: "object", entries };
}
