/** Bit operations on 64-bit integers. */
import { numberOf } from "../operators.ts";
import { intType } from "../types.ts";
import { runError, typeName, type Value } from "../values.ts";
import { argument, type Builtin, type Builtins, overloads } from "./builtin.ts";

export const bitBuiltins: Builtins = [
  binary("bitand", (a, b) => a & b),
  binary("bitor", (a, b) => a | b),
  binary("bitxor", (a, b) => a ^ b),
  binary("bitnand", (a, b) => a & ~b),
  shift("bitshl", (a, count) => (count >= 64n ? 0n : a << count)),
  shift("bitshr", (a, count) => a >> count),
  shift("bitushr", (a, count) => (count >= 64n ? 0n : BigInt.asUintN(64, a) >> count)),
  [
    "bitnot",
    {
      rule: overloads(intType, [intType]),
      call: (args) => ~integer("bitnot", argument(args, 0)),
    } satisfies Builtin,
  ],
];

function binary(name: string, on: (a: bigint, b: bigint) => bigint): readonly [string, Builtin] {
  const call = (args: readonly Value[]): Value => {
    const a = integer(name, argument(args, 0));
    return BigInt.asIntN(64, on(a, integer(name, argument(args, 1))));
  };
  return [name, { rule: overloads(intType, [intType, intType]), call }];
}

function shift(name: string, on: (a: bigint, count: bigint) => bigint): readonly [string, Builtin] {
  return binary(name, (a, count) => {
    if (count < 0n) throw runError(`invalid operation: negative shift count ${count} (type int)`);
    return on(a, count);
  });
}

function integer(name: string, value: Value): bigint {
  const number = typeof value === "number" ? undefined : numberOf(value);
  if (typeof number === "bigint") return number;
  throw runError(`cannot use ${typeName(value)} as argument (type int) to call ${name}`);
}
