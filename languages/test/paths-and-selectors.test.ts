import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Language } from "@outrider/languages/batch";
import { outcome } from "./evaluate.ts";

const testDocument =
  '{"a":[{"n":1,"t":"x"},{"n":2,"t":"y"},{"n":3}],"s":{"p":"Run","e":1e3,"z":null,"k.d":"dot"},"l":["b","a"],"big":12345678901234567890}';

function table(language: Language, rows: readonly (readonly [string, string])[]): void {
  describe(language, () => {
    for (const [expression, wanted] of rows) {
      it(`${expression} gives ${wanted}`, async () => {
        const got = await outcome(language, expression, testDocument);
        assert.equal(language === "gjson" ? (JSON.parse(got).string ?? got) : got, wanted);
      });
    }
  });
}

table("gjson", [
  ["a.#", "3"],
  ["a.#.t", '["x","y"]'],
  ["a.#(n>=2).t", "y"],
  ["a.#(n>=2)#.n", "[2,3]"],
  ["a.#(n>=2)#|0.n", "2"],
  ['l.#(=="a")', "a"],
  ["s.e", "1000"],
  ["s.k\\.d", "dot"],
  ["s.?", "Run"],
  ["big", "12345678901234567890"],
  ["l|@reverse", '["a","b"]'],
  ["s|@keys", '["p","e","z","k.d"]'],
  ['{s.p,"first":l.0}', '{"p":"Run","first":"b"}'],
  ["[s.p,nope,l.1]", '["Run","a"]'],
  ['a.#(t%"?")#.n', "[1,2]"],
  ["a|@dig:n", "[1,2,3]"],
  ["l|@pretty", '["b", "a"]\n'],
]);

table("labels", [
  ["s.p=Run,!nope,s.z", "true"],
  ["s.p notin (Run, Stop)", "false"],
  ["s.p in (,Run)", "true"],
  ["s.p in (Stop,,Run)", "true"],
  ["s.p in (Run,,,)", "true"],
  ["s.p in (Run,,)", "true"],
  ["s.p in (,,)", "false"],
  ["s.p in (,)", "false"],
  ["s.p in (Stop,,,Run)", "true"],
  ["s.p in (,,=)", "error: unable to parse requirement: found '=', expected: ',', or identifier"],
  ["a.0.n<2,a.2.n>2", "true"],
  ["s.e=1000", "true"],
  ["big>1", "false"],
  [",a=b", "error: found ',', expected: !, identifier, or 'end of string'"],
  ["a=b,", "error: found '', expected: identifier after ','"],
  ["a=b c", "error: found 'c', expected: ',' or 'end of string'"],
  ["a!b", "error: unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"],
  ["a in b", "error: unable to parse requirement: found 'b' expected: '('"],
  ["a in (", "error: unable to parse requirement: found '', expected: ',', ')' or identifier"],
  ["a in (b", "error: unable to parse requirement: found '', expected: ',' or ')'"],
]);

table("jsonpath", [
  ["{.a[*].n} and {.l}", '"1 2 3 and [\\"b\\",\\"a\\"]"'],
  ["{.a[?(@.t)].n}", '"1 2"'],
  ["{range .a[*]}{.n}:{.t};{end}", '"1:x;2:y;3:;"'],
  ["{range .nope[*]}{.n}{end}|", '"|"'],
  ["{..n}", '"1 2 3"'],
  ["{.s['p','e']}", '"Run 1000"'],
  ["{.a[-1:].n}", '"3"'],
  ["{.l[0]}{'\\t'}{\"\\u0041\"}", '"b\\tA"'],
  ["{.a[?(@.n==2.0)].n}", "error: incompatible types for comparison"],
  ["{.s[0]}", "error: map[string]interface {} is not array or slice"],
  ["{end}", "error: not in range, nothing to end"],
  ["{.a[x]}", "error: invalid array index x"],
  ["{!}", "error: unrecognized character in action: U+0021 '!'"],
  ["{....n}", "error: invalid multiple recursive descent"],
]);
