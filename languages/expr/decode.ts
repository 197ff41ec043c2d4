/** JSON text to values. */
import type { Budget } from "../budget.ts";
import { parseJson } from "../text/json-parse.ts";
import { floatValue } from "../text/numbers.ts";
import { List, type Value } from "./values.ts";

/** What `fromJSON` makes of a text: every number is a float. Throws LanguageError with Go's message. */
export function decodeJson(text: string, budget: Budget): Value {
  return parseJson<Value>(text, {
    literal: (value) => value,
    string: (value) => {
      budget.chargeText(value.length);
      return value;
    },
    number: floatValue,
    array: (items) => {
      budget.chargeParts(items.length + 2);
      return new List(items);
    },
    object: (members) => {
      budget.chargeParts(2 * members.size + 4);
      return members;
    },
  });
}
