import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { evaluate, type Language, LanguageError, languages, parseTree } from "@outrider/languages/batch";
import fc from "fast-check";

/** Fails only as a LanguageError, and not as one of our own bugs. */
async function survives(language: Language, expr: string, timeMs = 1_000): Promise<void> {
  try {
    await evaluate(language, {
      expr,
      env: parseTree('{"a":[1,{"b":"c"}],"m":{"x":null},"s":"text"}'),
      timeMs,
    });
  } catch (error) {
    assert.ok(error instanceof LanguageError, `${language} ${expr}: ${String(error)}`);
  }
}

const wordsOf: Readonly<Record<Language, readonly string[]>> = {
  expr: "a m s x ( ) [ ] { } . ?. ?? ? : , ; | # #acc #index + - ** / % == < in not and or let if else = 1 2.5 .. 'q' `r` b'z' nil true map( filter( find( reduce( sum( len( $env :: date( matches contains".split(
    " ",
  ),
  gjson:
    'a b m s . # #( ) | @this @reverse @keys @flatten @pretty @dig: * ? \\ [ ] { } , : "k" == > % ~true ! 0 1 ..'.split(
      " ",
    ),
  labels: "a m.x s.t = == != ! ( ) , in notin > < 1 -1 a/b é".split(" "),
  jsonpath: "{ } .a .m.x .. [ ] [0] [*] [?( )] @ $ range end == < 'q' \"r\" 1 -1 , : * \\ text true".split(
    " ",
  ),
  jq: '. .a .m [ ] { } ( ) | , : ; ? // //= |= += = == < and or not as $x reduce foreach if then else end try catch label break def f 1 2.5 "s" "\\(.a)" @csv empty error first( range( path( limit( .. - * /'.split(
    " ",
  ),
};

describe("foreign expressions", () => {
  for (const language of languages) {
    it(`never break the evaluator of ${language} (random words)`, async () => {
      const word = fc.constantFrom(...(wordsOf[language] ?? []));
      await fc.assert(
        fc.asyncProperty(fc.array(word, { maxLength: 14 }), (words) => survives(language, words.join(" "))),
        { numRuns: 1_500 },
      );
    });

    it(`never break the evaluator of ${language} (random text)`, async () => {
      const text = fc.string({ maxLength: 30, unit: "binary" });
      await fc.assert(
        fc.asyncProperty(text, (each) => survives(language, each)),
        { numRuns: 500 },
      );
    });
  }

  const deep = (open: string, middle: string, close: string, depth: number): string =>
    open.repeat(depth) + middle + close.repeat(depth);
  const hostile: readonly (readonly [Language, string, string])[] = [
    ["expr", "deep parentheses", deep("(", "1", ")", 50_000)],
    ["expr", "deep lists", deep("[", "", "]", 50_000)],
    ["expr", "a long sum", `1${"+1".repeat(4_900)}`],
    ["expr", "a deep path", `m${".x".repeat(4_000)}`],
    ["expr", "a huge range", "len(1..9223372036854775807)"],
    ["expr", "doubled text", "reduce(1..60, #acc + #acc, 'ab')"],
    ["expr", "nested loops", "map(1..900, map(1..900, map(1..900, 1)))"],
    ["expr", "a pattern that backtracks elsewhere", `'${"a".repeat(30_000)}' matches '(a*)*b'`],
    ["expr", "a pattern that is a program of gigabytes", "'x' matches '((a{999}){999}){999}'"],
    ["gjson", "a modifier chain", "@reverse|".repeat(5_000)],
    ["gjson", "deep multipaths", deep("[", "a", "]", 5_000)],
    ["gjson", "a pattern of stars", `${"*a".repeat(2_000)}b`],
    ["labels", "a long list", `a in (${"b,".repeat(50_000)})`],
    ["jsonpath", "deep filters", deep("{[?(", "", ")]}", 2_000)],
    ["jsonpath", "open ranges", "{range .a}".repeat(5_000)],
    ["jq", "deep parentheses", deep("(", "1", ")", 50_000)],
    ["jq", "endless recursion", "def f: 1 + f; f"],
    ["jq", "endless output", "[repeat(1)]"],
    ["jq", "doubled arrays", "reduce range(60) as $i ([1]; . + .)"],
    ["jq", "squared integers", "reduce range(99) as $i (3; . * .)"],
    ["jq", "a huge index", "null | .[1000000000] = 1"],
  ];
  for (const [language, title, expression] of hostile) {
    it(`end within bounds: ${language}, ${title}`, async () => {
      const started = performance.now();

      await survives(language, expression, 500);

      assert.ok(performance.now() - started < 10_000, "ends soon after its time limit");
    });
  }

  it("are told when they ran out of time", async () => {
    const request = { expr: "until(false; . + 1)", env: parseTree("1"), timeMs: 50 };

    await assert.rejects(
      evaluate("jq", request),
      (error) => error instanceof LanguageError && error.code === "time",
    );
  });
});
