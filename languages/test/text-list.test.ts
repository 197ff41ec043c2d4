import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileExpr, List, resultJson, TextList, typesOfEnv, type Value } from "@outrider/languages/expr";

const words = ["c.csv", "a.txt", "b.csv", "a.txt"];

function evaluate(expression: string, data: Value): string {
  const env = new Map([["data", data]]);
  return resultJson(compileExpr(expression, typesOfEnv(env)).evaluate(env));
}

describe("a list of texts that are made when they are asked for", () => {
  it("is a list of texts to every expression", () => {
    for (const expression of [
      "data",
      "data[1] + data[-1]",
      "get(data, 9) ?? 'none'",
      "data[1:3]",
      "data[-9:9]",
      "len(data)",
      "filter(data, # endsWith '.csv')",
      "map(data, upper(#))",
      "map(data, # in data)",
      "find(data, # startsWith 'b')",
      "findLastIndex(data, # startsWith 'a')",
      "count(data, # contains 'a')",
      "reduce(data, #acc + # + string(#index), '')",
      "sort(data)",
      "sortBy(data, #[1:], 'desc')",
      "uniq(data)",
      "take(data, 2)",
      "reverse(data)",
      "concat(data, data)",
      "join(data, '|')",
      "first(data) + last(data)",
      "toPairs({'a': groupBy(data, len(#))[5]})",
      "data == ['c.csv', 'a.txt', 'b.csv', 'a.txt']",
      "'b.csv' in data",
      "type(data)",
      "string(data)",
      "toJSON(data)",
    ]) {
      const kept = new TextList({ length: words.length, at: (index) => words[index] ?? "" });
      assert.equal(evaluate(expression, kept), evaluate(expression, new List(words, "string")), expression);
    }
    const none = new TextList({ length: 0, at: () => "" }, true);
    assert.equal(evaluate("data", none), "null");
    assert.equal(evaluate("data == nil", none), "true");
  });

  it("makes only the texts that an expression looks at", () => {
    const asked = new Set<number>();
    const at = (index: number) => {
      asked.add(index);
      return `key-${index}`;
    };
    const huge = new TextList({ length: 2_000_000_000, at });

    assert.equal(evaluate("len(data)", huge), "2000000000");
    assert.equal(evaluate("data[1999999999]", huge), '"key-1999999999"');
    assert.equal(evaluate("data[-5]", huge), '"key-1999999995"');
    assert.equal(evaluate("data[5:7]", huge), '["key-5","key-6"]');
    assert.equal(evaluate("take(data, 2)", huge), '["key-0","key-1"]');
    assert.equal(evaluate("find(data, # endsWith '3')", huge), '"key-3"');
    assert.equal(evaluate("any(data, # endsWith '4')", huge), "true");
    assert.deepEqual(
      [...asked].sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 1999999995, 1999999999],
    );
  });
});
