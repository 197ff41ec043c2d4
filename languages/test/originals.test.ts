import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { answersOf } from "./batch.ts";

interface Fact {
  readonly topic: string;
  readonly expr: string;
}

/** One fact a line, as the original libraries decided it; numbers are compared as text, so no digit is lost. */
const lines = readFileSync(new URL("fixtures/expressions-originals.json", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => line.replace(/,$/, ""));

describe("what the original libraries do", async () => {
  const answers = await answersOf(lines);
  const facts = lines.map((line, i) => ({ fact: JSON.parse(line) as Fact, line, answer: answers[i] ?? "" }));

  for (const [topic, group] of Map.groupBy(facts, ({ fact }) => fact.topic)) {
    it(topic, () => {
      for (const { fact, line, answer } of group) {
        const wanted = line.slice(line.search(/"(?:want|error)":/)).replace(/^"want"/, '"value"');

        assert.equal(answer.replace(/^\{"id":null,/, ""), wanted, fact.expr);
      }
    });
  }
});
