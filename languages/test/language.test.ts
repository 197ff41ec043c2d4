import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { outcome } from "./evaluate.ts";

const testEnvironment =
  '{"x": 2, "s": "a", "f": 1.5, "nil_": null, "m": {"n": 3, "s": "b", "o": {"p": 1}, "l": [1, 2]}, "xs": [1, 2, 3]}';

function table(title: string, rows: readonly (readonly [string, string])[]): void {
  describe(title, () => {
    for (const [expression, wanted] of rows) {
      it(`${expression} gives ${wanted}`, async () => {
        assert.equal(await outcome("expr", expression, testEnvironment), wanted);
      });
    }
  });
}

table("numbers", [
  ["9223372036854775807 + 1", "-9223372036854775808"],
  ["6 / 2 == 3", "true"],
  ["type(6 / 2)", '"float"'],
  ["m.n % 0", "error: runtime error: integer divide by zero (1:5)"],
  ["m.n % 2.0", "error: invalid operation: % (mismatched types interface {} and float64) (1:5)"],
  ["-0.0", "-0"],
  ["1e21", "1e+21"],
  ["0x_ff + 0b11 + 0o17", "273"],
  ["1a", 'error: bad number syntax: "1a" (1:2)'],
  [
    "9223372036854775808",
    'error: invalid integer literal: strconv.ParseInt: parsing "9223372036854775808": value out of range (1:19)',
  ],
  ["duration('1h') * 2", "7200000000000"],
  ["1.5 * duration('1h')", "5400000000000"],
]);

table("access", [
  ["m?.nope?.deeper", "null"],
  ["(m.nope?.a).b", "null"],
  ["m.nope?.a[0]", "error: cannot fetch 0 from <nil> (1:10)"],
  ["m.l[5]", "error: index out of range: 5 (array length is 2) (1:4)"],
  ["m.l[-1]", "2"],
  ["xs[1:]", "[2,3]"],
  ["m[1]", "error: cannot use int to get an element from map[string]interface {} (1:3)"],
  ["s.x", "error: type string has no field x (1:3)"],
  ["nil_.x", "error: type nil has no field x (1:6)"],
  ["$env['nope']", "error: unknown name nope (1:5)"],
  ["'x' in $env", "true"],
  ["get(m, 'zz') ?? 'none'", '"none"'],
]);

table("operators", [
  ["not x in xs", "error: invalid operation: not (mismatched type int) (1:1)"],
  ["x not in xs", "false"],
  ["1 < x < 3", "true"],
  ["s + 1", "error: invalid operation: + (mismatched types string and int) (1:3)"],
  ["m.n + m.s", "error: invalid operation: int + string (1:5)"],
  ["m.nope contains 'a'", "false"],
  ["m.n contains 'a'", "error: interface conversion: interface {} is int, not string (1:5)"],
  ["m.n && true", "3"],
  ["true && m.n", "3"],
  ["m.n and m.n", "error: interface conversion: interface {} is int, not bool (1:5)"],
  ["{a: split('x', ',')} == {a: ['x']}", "false"],
  ["split('x', ',') == ['x']", "true"],
  ["toPairs({a: 1}) == [['a', 1]]", "false"],
  ["1..3 == [1, 2, 3.0]", "true"],
  ["x in 1..9 ? 'in' : 'out'", '"in"'],
]);

table("rewrites that can be noticed", [
  ["filter(xs, # > 9)[0]", "error: reflect: slice index out of range (1:18)"],
  ["first(filter(xs, # > 9))", "null"],
  ["count([1, 'a'], # > 0) > 0", "true"],
  ["false and m.n.o.p", "false"],
  ["sum(1..100000000)", "5000000050000000"],
  ["sum(['a', s])", '"aa"'],
  ["m.n in ['b']", "error: reflect.Value.MapIndex: value of type int is not assignable to type string (1:5)"],
]);

table("builtins", [
  ["fromJSON('[1,]')", "error: invalid character ']' looking for beginning of value (1:1)"],
  ["fromJSON('1 2')", "error: invalid character '2' after top-level value (1:1)"],
  ["upper('ß') + lower('İ')", '"ßi"'],
  ["replace('ab', '', '-')", '"-a-b-"'],
  ["concat([], [])", "null"],
  ["split('', ',')", '[""]'],
  ["int('1_0')", "error: invalid operation: int(1_0) (1:1)"],
  ["max(xs, 9, [10, [11]])", "11"],
  ["sortBy(xs, #, 'up')", "error: unknown order, use asc or desc (1:1)"],
  ["sort(xs, 'up')", "error: invalid order up, expected asc or desc (1:1)"],
  ["len(1)", "error: invalid argument for len (type int) (1:1)"],
  ["upper(1)", "error: cannot use int as argument (type string) to call upper  (1:7)"],
  ["upper()", "error: not enough arguments to call upper (1:1)"],
  ["map(xs)", "error: expected at least 2 arguments (1:7)"],
  ["count(1..3, #)", "error: predicate should return boolean (got int) (1:13)"],
  ["count(xs, #)", "error: interface conversion: interface {} is int, not bool (1:1)"],
  ["filter(s, true)", "error: builtin filter takes only array (got string) (1:8)"],
  ["filter(xs, #index > 1)", "error: unknown pointer #index (1:12)"],
  ["asInt('1')", "error: unknown name asInt (1:1)"],
  ["fromBase64('aGk=a')", "error: illegal base64 data at input byte 4 (1:1)"],
  ["duration('5')", 'error: time: missing unit in duration "5" (1:1)'],
  ["groupBy(xs, # % 2)[1]", "[1,3]"],
  ["'é'[0:1] + 'é'[1:2] == 'é'", "true"],
]);

table("dates", [
  ["date('2024-02-30')", "error: invalid date 2024-02-30 (1:1)"],
  ["date('2024-03-31 02:30:00', '2006-01-02 15:04:05', 'Europe/Zurich')", '"2024-03-31T03:30:00+02:00"'],
  ["date('2024-01-31').AddDate(0, 1, 0)", '"2024-03-02T00:00:00Z"'],
  ["date('15:04:05').Year()", "0"],
  ["date('2024-12-30').ISOWeek()", "2025"],
  ["string(date('2024-01-01').Month())", '"January"'],
  ["duration('90m').Round(duration('1h')).String()", '"2h0m0s"'],
  ["string(date('2050-07-01').In(timezone('America/New_York')))", '"2050-06-30 20:00:00 -0400 EDT"'],
]);

table("syntax", [
  [
    "m.n ?? 1 == 1",
    "error: Operator (==) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses. (1:10)",
  ],
  ["let x = 1; x", "error: cannot redeclare x (1:5)"],
  ["let y = 1; let y = 2; y", "error: cannot redeclare variable y (1:16)"],
  ["map(xs, # > 1; 2)", "error: wrap predicate with brackets { and } (1:14)"],
  ["1 + if true {1} else {2}", 'error: unexpected token Operator("if") (1:5)'],
  ["x ?.5 : 1", "error: expected name (1:7)"],
  ["@", "error: unrecognized character: U+0040 '@' (1:1)"],
  ["/* open", "error: unclosed comment (1:8)"],
  ["::len('abc')", "3"],
  ["xs | map(# * 2) | sum()", "12"],
]);
