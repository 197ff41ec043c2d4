/** `let` and `if`. */
import type { Node } from "./ast.ts";
import type { Parser } from "./parser.ts";

export function parseLet(parser: Parser): Node {
  parser.take();
  const name = parser.expect("Identifier");
  parser.expect("Operator", "=");
  const value = parser.expression(0);
  parser.expect("Operator", ";");
  return parser.node({ kind: "let", at: name.at, name: name.value, value, body: parser.sequence() });
}

export function parseIf(parser: Parser): Node {
  parser.take();
  const condition = parser.expression(0);
  const consequent = parseBlock(parser);
  parser.expect("Operator", "else");
  const otherwise = parser.is("Operator", "if") ? parser.expression(0) : parseBlock(parser);
  // The reference neither counts the node nor knows its place.
  return { kind: "conditional", at: 0, condition, consequent, otherwise };
}

function parseBlock(parser: Parser): Node {
  parser.expect("Bracket", "{");
  const node = parser.sequence();
  parser.expect("Bracket", "}");
  return node;
}
