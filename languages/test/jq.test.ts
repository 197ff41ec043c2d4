import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { outcome } from "./evaluate.ts";

const testDocument =
  '{"metadata":{"name":"j","managedFields":[1]},"items":[{"k":"b","v":2},{"k":"a","v":1}],"n":9007199254740993,"one":1.0,"h":"<b>"}';

async function lines(filter: string): Promise<string> {
  const got = await outcome("jq", filter, testDocument);
  return got.startsWith("error: ") ? got : JSON.parse(got);
}

function table(title: string, rows: readonly (readonly [string, string])[]): void {
  describe(title, () => {
    for (const [filter, wanted] of rows) {
      it(`${filter} gives ${JSON.stringify(wanted)}`, async () => {
        assert.equal(await lines(filter), wanted);
      });
    }
  });
}

table("jq filters", [
  [".metadata", '{"name":"j"}'],
  [".items[].k", "b\na"],
  [".items.[].v", "2\n1"],
  ['.items | map("\\(.k)=\\(.v)") | join(",")', "b=2,a=1"],
  ["[.items[] | select(.v > 1).k]", '["b"]'],
  ["(.items[] | select(.v > 1)) |= empty | .items | length", "1"],
  [".items | sort_by(.k) | .[0].v", "1"],
  [".items | map({(.k): .v}) | add | to_entries[0].key", "a"],
  ["reduce .items[] as {v: $v} (0; . + $v)", "3"],
  [
    "[label $out | foreach range(9) as $i (0; . + $i; ., if . > 5 then break $out else empty end)]",
    "[0,1,3,6]",
  ],
  ["try error({a: 1}) catch .a", "1"],
  ["[.items[] | .k?, .nope?.x?]", '["b",null,"a",null]'],
  ["def f(g; $x): [g, $x]; f(.items[].k; 1)", '["b","a",1]'],
  [". as [$a] ?// {one: $a} | $a", "1"],
  ["[paths | length] | max", "3"],
  ['"2015-03-05T23:51:47+01:00" | fromdate', "1425595907"],
  ['"a1b2" | [match("[a-z](?<d>[0-9])"; "g") | .captures[0].string]', '["1","2"]'],
  ['"aXbX" | gsub("X"; "-")', "a-b-"],
  ["[limit(3; 1 | repeat(. * 2))]", "[2,2,2]"],
  ["def f: if . >= 50000 then . else . + 1 | f end; 0 | f", "50000"],
  ["def f($n; $sum): if $n == 0 then $sum else f($n - 1; $sum + $n) end; f(20000; 0)", "200010000"],
  ["def map(f): 1; [1, 2] | map(.)", "1"],
  ["first((1, error(2)) | .)", "1"],
  ["empty", ""],
]);

table("where gojq differs from jq", [
  [".n", "9007199254740992"],
  [".one", "1"],
  ["9007199254740993 + 1", "9007199254740994"],
  ["{h}", '{"h":"\\u003cb\\u003e"}'],
  [".h", "<b>"],
  ["{h} | tojson", '{"h":"<b>"}'],
  ['"abc"[0], "abc"[1:]', "a\nbc"],
  ["nan", "error: json: unsupported value: NaN"],
  ["[infinite]", "error: json: unsupported value: +Inf"],
  ["1 / 0", "error: cannot divide number (1) by: number (0)"],
  ["input", "error: input(s)/0 is not allowed"],
  ["env, $ENV", "{}\n{}"],
  ["halt", "error: halt error: null"],
  ["ascii", "error: function not defined: ascii/0"],
  ["keys_unsorted", "error: function not defined: keys_unsorted/0"],
  ["$__loc__", "error: variable not defined: $__loc__"],
  ["@base32", "error: format not defined: @base32"],
  ['import "a" as a; 1', 'error: cannot load module: "a"'],
  ['"foo" | .bar', 'error: expected an object but got: string ("foo")'],
  ['"abc" | tonumber', 'error: tonumber cannot be applied to "abc": invalid number'],
  ["1 | ltrimstr(1)", "error: ltrimstr(1) cannot be applied to: number (1)"],
  [". |", "error: unexpected EOF"],
  [";", 'error: unexpected token ";"'],
  ['"\'" | @html', "&apos;"],
  ["limit(-1; 1)", "error: error: limit doesn't support negative count"],
  [
    '"a" | test("(?=a)")',
    'error: invalid regular expression "(?=a)": error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
  ],
]);
