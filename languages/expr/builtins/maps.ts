/** Keys, values and pairs of maps. */

import { displayText } from "../display.ts";
import { anyMapType, formattedType, isList, listType, type Type } from "../types.ts";
import { AnyMap, elementsOf, Header, kindName, List, Pair, runError, type Value } from "../values.ts";
import { argument, type Builtins, oneArgument } from "./builtin.ts";

const isMap = (type: Type): boolean => type.kind === "map";

export const mapBuiltins: Builtins = [
  [
    "keys",
    {
      rule: oneArgument(
        isMap,
        (type) => `cannot get keys from ${formattedType(type)}`,
        () => listType,
      ),
      call: (args) => new List(entries(argument(args, 0), "get keys from").map(([key]) => key)),
    },
  ],
  [
    "values",
    {
      rule: oneArgument(
        isMap,
        (type) => `cannot get values from ${formattedType(type)}`,
        () => listType,
      ),
      call: (args) => new List(entries(argument(args, 0), "get values from").map(([, value]) => value)),
    },
  ],
  [
    "toPairs",
    {
      rule: oneArgument(
        isMap,
        (type) => `cannot transform ${formattedType(type)} to pairs`,
        () => listType,
      ),
      call: (args) => {
        const value = argument(args, 0);
        return new List(
          entries(value, "transform", " to pairs").map(([key, item]) => new Pair(key, item)),
          "pairs",
        );
      },
    },
  ],
  [
    "fromPairs",
    {
      rule: oneArgument(
        isList,
        (type) => `cannot transform ${formattedType(type)} from pairs`,
        () => anyMapType,
      ),
      call: (args) => fromPairs(argument(args, 0)),
    },
  ],
];

/** In the order of insertion, which the reference leaves open. */
function entries(map: Value, doing: string, rest = ""): readonly (readonly [Value, Value])[] {
  if (map instanceof Map) return [...map];
  if (map instanceof Header) return [...map.entries];
  if (map instanceof AnyMap) return [...map.entries.values()].map(({ key, value }) => [key, value]);
  throw runError(`cannot ${doing} ${kindName(map)}${rest}`);
}

function fromPairs(value: Value): AnyMap {
  const pairs = elementsOf(value);
  if (pairs === undefined) throw runError(`cannot transform ${kindName(value)} from pairs`);
  const map = new AnyMap(anyMapType.name);
  for (const pair of pairs) {
    const items = elementsOf(pair);
    if (items === undefined) throw runError(`invalid pair ${displayText(pair)}`);
    const [key, item] = items;
    if (key === undefined || item === undefined || items.length !== 2) {
      throw runError(`invalid pair length ${displayText(pair)}`);
    }
    map.set(key, item);
  }
  return map;
}
