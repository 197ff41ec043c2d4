/** Arguments of calls. */
import type { Node } from "./ast.ts";
import type { Parser } from "./parser.ts";
import type { ArgumentForm } from "./syntax.ts";

/** The arguments in parentheses, behind those that a pipe has brought. */
export function parseArguments(parser: Parser, piped: readonly Node[]): readonly Node[] {
  const args: Node[] = [...piped];
  parser.expect("Bracket", "(");
  while (!parser.is("Bracket", ")")) {
    if (args.length > piped.length) {
      parser.expect("Operator", ",");
      if (parser.is("Bracket", ")")) break;
    }
    args.push(parser.expression(0));
  }
  parser.expect("Bracket", ")");
  return args;
}

/** As {@link parseArguments}, for a builtin that evaluates one of them for each element. */
export function parsePredicateArguments(
  parser: Parser,
  forms: readonly ArgumentForm[],
  piped: readonly Node[],
): readonly Node[] {
  const args: Node[] = [...piped];
  const wanted = forms.slice(piped.length);
  parser.expect("Bracket", "(");
  for (const [i, form] of wanted.entries()) {
    if (parser.is("Bracket", ")")) {
      if (form.startsWith("optional")) break;
      throw parser.error(parser.current.at, `expected at least ${wanted.length} arguments`);
    }
    if (i > 0) parser.expect("Operator", ",");
    args.push(form.endsWith("predicate") ? parser.predicate() : parser.expression(0));
  }
  parser.accept("Operator", ",");
  parser.expect("Bracket", ")");
  return args;
}
