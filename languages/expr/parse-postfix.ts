/** Member access, method calls, indexes and slices behind a value (contract expressions.md 1.3 and 1.6). */
import type { Node } from "./ast.ts";
import { parseArguments } from "./parse-arguments.ts";
import type { Parser } from "./parser.ts";
import { isIdentifier } from "./tokens.ts";

/** Reads all that follows `first` directly. */
export function parsePostfix(parser: Parser, first: Node): Node {
  let node = first;
  for (;;) {
    if (parser.accept("Operator", ".")) node = parseMember(parser, node, false);
    else if (parser.accept("Operator", "?.")) {
      node = parser.is("Bracket", "[") ? parseBrackets(parser, node, true) : parseMember(parser, node, true);
    } else if (parser.is("Bracket", "[")) node = parseBrackets(parser, node, false);
    else return node;
  }
}

/** `.name` or `.name(…)`. It joins an optional chain before it, even across parentheses. */
function parseMember(parser: Parser, base: Node, isOptional: boolean): Node {
  const token = parser.take();
  const isName = token.kind === "Identifier" || (token.kind === "Operator" && isIdentifier(token.value));
  if (!isName) throw parser.error(parser.current.at, "expected name");
  const { at, value } = token;
  const property = parser.node({ kind: "constant", at, value });
  const object = base.kind === "chain" ? base.node : base;
  const member = parser.node({ kind: "member", at, object, property, isOptional });
  const node = parser.is("Bracket", "(")
    ? parser.node({ kind: "call", at, callee: member, args: parseArguments(parser, []) })
    : member;
  return base.kind === "chain" || isOptional ? parser.node({ kind: "chain", at, node }) : node;
}

/** `[index]` or `[from:to]`. An index never joins the chain before it. */
function parseBrackets(parser: Parser, object: Node, isOptional: boolean): Node {
  const { at } = parser.expect("Bracket", "[");
  const from = parser.is("Operator", ":") ? undefined : parser.expression(0);
  if (!parser.accept("Operator", ":")) {
    const property = from ?? object;
    parser.expect("Bracket", "]");
    const member = parser.node({ kind: "member", at, object, property, isOptional });
    return isOptional ? parser.node({ kind: "chain", at, node: member }) : member;
  }
  const to = parser.is("Bracket", "]") ? undefined : parser.expression(0);
  parser.expect("Bracket", "]");
  return parser.node({ kind: "slice", at, object, from, to });
}
