/** Comparisons in gjson queries (docs/contract/expressions.md#2.3). */
import { compareText } from "../text/byte-text.ts";
import type { Query } from "./path.ts";
import { type GjsonResult, numberOf } from "./result.ts";
import { matchesWildcard } from "./wildcard.ts";

/** Whether a value meets the comparison of a query. */
export function meets(value: GjsonResult, { operator, value: wanted }: Query): boolean {
  if (wanted.startsWith("~")) {
    const outcome = loosely(value, wanted.slice(1));
    return outcome !== undefined && (operator === "" || compareBool(outcome, operator, "true"));
  }
  if (!value.exists) return false;
  if (operator === "") return true;
  switch (value.type) {
    case "String":
      if (operator === "%") return matchesWildcard(value.string, wanted);
      if (operator === "!%") return !matchesWildcard(value.string, wanted);
      return compare(compareText(value.string, wanted), operator);
    case "Number": {
      const number = numberOf(value.raw || value.string);
      const limit = numberOf(wanted);
      return compare(number < limit ? -1 : number > limit ? 1 : 0, operator);
    }
    case "True":
    case "False":
      return compareBool(value.type === "True", operator, wanted);
    default:
      return false;
  }
}

function compare(order: number, operator: string): boolean {
  switch (operator) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    default:
      return false;
  }
}

function compareBool(value: boolean, operator: string, wanted: string): boolean {
  if (operator === "=") return wanted === String(value);
  if (operator === "!=") return wanted !== String(value);
  if (value) return operator === ">=" || (operator === ">" && wanted === "false");
  return operator === "<=" || (operator === "<" && wanted === "true");
}

/** `~true`, `~false`, `~null`, `~*`: undefined for any other word. */
function loosely(value: GjsonResult, word: string): boolean | undefined {
  const text = value.string.toLowerCase();
  const isTrueText = ["1", "t", "true"].includes(text);
  const isFalseText = ["0", "f", "false"].includes(text);
  switch (word) {
    case "*":
      return value.exists;
    case "null":
      return value.type === "Null";
    case "true":
      if (value.type === "Number") return numberOf(value.raw || value.string) !== 0;
      return value.type === "True" || (value.type === "String" && isTrueText);
    case "false":
      if (value.type === "Number") return numberOf(value.raw || value.string) === 0;
      return value.type === "False" || value.type === "Null" || (value.type === "String" && isFalseText);
    default:
      return undefined;
  }
}
