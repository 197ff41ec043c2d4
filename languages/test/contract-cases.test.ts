import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { answersOf } from "./batch.ts";

interface Case {
  readonly id: string;
  readonly lang: string;
  readonly expr: string;
  readonly want?: unknown;
  readonly error?: boolean;
  readonly errorText?: string;
  readonly goText?: string;
}

/** The file has one case a line; the lines are passed on as they are, because JavaScript would round large numbers. */
const lines = readFileSync(new URL("fixtures/expressions-cases.json", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => line.replace(/,$/, ""));

describe("the cases that the original libraries decided", async () => {
  const answers = await answersOf(lines);

  it("answers every case, in order", () => {
    const ids = answers.map((answer) => JSON.parse(answer).id);

    assert.deepEqual(
      ids,
      lines.map((line) => JSON.parse(line).id),
    );
  });

  for (const [i, line] of lines.entries()) {
    const wanted: Case = JSON.parse(line);
    it(`${wanted.id} (${wanted.lang}): ${wanted.expr}`, () => {
      const text = answers[i] ?? "{}";
      const answer = JSON.parse(text);

      if (wanted.error === true) {
        assert.ok("error" in answer, `fails, but gave ${text}`);
        assert.ok(
          answer.error.startsWith(wanted.errorText ?? ""),
          `${answer.error} begins with ${wanted.errorText}`,
        );
      } else assert.deepEqual(answer, { id: wanted.id, value: wanted.want });
      if (wanted.goText !== undefined) assert.ok(text.endsWith(`"value":${wanted.goText}}`), text);
    });
  }
});
