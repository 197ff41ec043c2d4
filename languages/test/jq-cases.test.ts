import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { answersOf } from "./batch.ts";

interface Case {
  readonly expr: string;
  readonly env: unknown;
  readonly want?: string;
  readonly error?: boolean;
}

/** Filters, most of them made by chance, with the answers of gojq 0.12.19. Texts of errors are seen through `catch`. */
const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL("fixtures/jq-cases.json", import.meta.url), "utf8"),
);

describe("what gojq does", async () => {
  const answers = await answersOf(
    cases.map(({ expr, env }, id) => JSON.stringify({ id, lang: "jq", expr, env })),
  );

  for (const [i, { expr, env, want, error }] of cases.entries()) {
    it(`${expr} of ${JSON.stringify(env)}`, () => {
      const answer = JSON.parse(answers[i] ?? "{}");

      if (error === true) assert.ok("error" in answer, `fails, but gave ${answers[i]}`);
      else assert.deepEqual(answer, { id: i, value: want });
    });
  }
});
