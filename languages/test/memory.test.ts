import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const mebibyte = 1024 * 1024;
const shareBytes = 48 * mebibyte;

/** A small young generation, as pods have it (scripts/bundle.ts): garbage is not kept for long. */
const flags = ["--max-semi-space-size=1", "--input-type=module"];

/**
 * Evaluates in a process of its own, which has a text of a million characters as `body`. Gives the outcome and how much
 * the process grew at its largest beyond what it was before, in bytes.
 */
function evaluateApart(expression: string, text: string): { outcome: string; grownBytes: number } {
  const program = `
    import { compileExpr, typesOfEnv } from "@outrider/languages/expr";
    const [expression, text] = process.argv.slice(1);
    const env = new Map([["body", text.repeat(Math.floor(1e6 / text.length))]]);
    const types = typesOfEnv(env);
    compileExpr("upper(replace(body, 'q', 'r')) matches 'x'", types).evaluate(new Map([["body", "warm"]]));
    const before = process.resourceUsage().maxRSS;
    let outcome = "done";
    try {
      compileExpr(expression, types, { timeMs: 20_000, textBytes: ${shareBytes}, values: 200_000 }).evaluate(env);
    } catch (error) {
      outcome = error.name + " " + error.code;
    }
    console.log(JSON.stringify({ outcome, grownBytes: (process.resourceUsage().maxRSS - before) * 1024 }));`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "-e", program, expression, text], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    encoding: "utf8",
  });
  assert.match(stdout, /^\{/, stderr);
  return JSON.parse(stdout);
}

describe("an expression with a share of the memory", () => {
  const memory = "LanguageError memory";
  for (const [title, expression, text, wanted] of [
    ["nested replace", `${"replace(".repeat(12)}body${", 'a', 'aa')".repeat(12)}`, "a", memory],
    ["replace of every character", "replace(replace(body, 'a', 'bb'), 'b', 'c') == ''", "a", "done"],
    ["replace around every character", `${"replace(".repeat(4)}body${", '', 'xyz')".repeat(4)}`, "a", memory],
    ["nested upper and lower", `${"upper(lower(".repeat(20)}body${"))".repeat(20)}`, "a", memory],
    ["upper of other scripts", `${"upper(lower(".repeat(8)}body${"))".repeat(8)}`, "ъ", memory],
    ["upper of text with stray letters", "upper(body) == ''", "abcdefghij ß", "done"],
    ["a list of copies", "map(1..1000, upper(body))", "a", memory],
    ["a list of slices", "map(1..1000, body[0:499999])", "é", memory],
    ["a list of parts", "map(1..100, split(body, ''))", "a", memory],
    ["one text many times in a text", "string(map(1..1000, body))", "a", memory],
    ["one text many times in JSON", "toJSON(map(1..1000, body))", "a", memory],
    ["one text many times in a message", "first([1])[map(1..1000, body)]", "a", memory],
    ["a text that is JSON of small lists", "fromJSON(replace(body, 'a', '[') + '1')", "a", memory],
    ["a format", "map(1..1000, now().Format(body))", "2006", memory],
    ["base64 of base64", `${"toBase64(".repeat(9)}body${")".repeat(9)}`, "a", memory],
    ["a loop over text", "map(first([body]), string(#))", "a", memory],
  ] as const) {
    it(`ends before it takes more: ${title}`, () => {
      const { outcome, grownBytes } = evaluateApart(expression, text);

      assert.equal(outcome, wanted);
      assert.ok(
        grownBytes < shareBytes + 24 * mebibyte,
        `grew by ${Math.round(grownBytes / mebibyte)} MiB of ${shareBytes / mebibyte}`,
      );
    });
  }
});
