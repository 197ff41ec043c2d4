/** List and map literals. */
import type { Node } from "./ast.ts";
import type { Parser } from "./parser.ts";
import { tokenText } from "./tokens.ts";

export function parseList(parser: Parser): Node {
  const { at } = parser.expect("Bracket", "[");
  const items: Node[] = [];
  while (!parser.is("Bracket", "]")) {
    if (items.length > 0) {
      parser.expect("Operator", ",");
      if (parser.is("Bracket", "]")) break;
    }
    items.push(parser.expression(0));
  }
  parser.expect("Bracket", "]");
  return parser.node({ kind: "list", at, items });
}

export function parseMap(parser: Parser): Node {
  const { at } = parser.expect("Bracket", "{");
  const pairs: { key: Node; value: Node }[] = [];
  while (!parser.is("Bracket", "}")) {
    if (pairs.length > 0) {
      parser.expect("Operator", ",");
      if (parser.is("Bracket", "}")) break;
      if (parser.is("Operator", ",")) throw parser.unexpected();
    }
    const key = parseMapKey(parser);
    parser.expect("Operator", ":");
    parser.countNode();
    pairs.push({ key, value: parser.expression(0) });
  }
  parser.expect("Bracket", "}");
  return parser.node({ kind: "map", at, pairs });
}

function parseMapKey(parser: Parser): Node {
  const token = parser.current;
  if (token.kind === "Number" || token.kind === "String" || token.kind === "Identifier") {
    parser.take();
    return parser.node({ kind: "constant", at: token.at, value: token.value });
  }
  if (parser.is("Bracket", "(")) return parser.expression(0);
  const forms = "a quoted string, a number, a identifier, or an expression enclosed in parentheses";
  throw parser.error(token.at, `a map key must be ${forms} (unexpected token ${tokenText(token)})`);
}
