import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runBatch, runExpr } from "./run-command.ts";

describe("argoexec expr", () => {
  it("prints the value as JSON", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "expr-"));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "env.json"), '{"data": ["a.py", "b.txt"], "n": 9007199254740993}');

    const outcome = await runExpr([
      "[filter(data, # endsWith '.py'), n + 2]",
      "--env",
      join(folder, "env.json"),
    ]);

    assert.deepEqual(outcome, { status: 0, stdout: '[["a.py"],9007199254740995]\n', stderr: "" });
  });

  it("reads the document of the other languages from standard input", async () => {
    const outcome = await runExpr(
      ["{.status.phase}", "--lang=jsonpath", "--env", "-"],
      '{"status":{"phase":"Ready"}}',
    );

    assert.deepEqual(outcome, { status: 0, stdout: '"Ready"\n', stderr: "" });
  });

  it("prints the error with a caret under its place", async () => {
    const outcome = await runExpr(["'a' +\n\t'ü' + x"]);

    assert.equal(outcome.status, 1);
    assert.equal(outcome.stdout, "");
    assert.equal(outcome.stderr, "unknown name x (2:8)\n |  'ü' + x\n | .......^\n");
  });

  it("tells wrong usage from a wrong expression", async () => {
    for (const args of [
      [],
      ["1", "2"],
      ["1", "--lang", "lua"],
      ["--nope"],
      ["1", "--timeout", "soon"],
      ["1", "--env"],
    ]) {
      const outcome = await runExpr(args);

      assert.equal(outcome.status, 64, args.join(" "));
      assert.match(outcome.stderr, /usage: argoexec expr/);
    }
  });

  it("says which environment file it cannot read", async () => {
    const outcome = await runExpr(["1", "--env", "/nonexistent/env.json"]);

    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /cannot read the environment file \/nonexistent\/env\.json/);
  });
});

describe("argoexec expr --batch", () => {
  it("goes on after a line that is no case", async () => {
    const lines = [
      '{"id":"a","expr":"1+1"}',
      "nonsense",
      "",
      '{"id":7}',
      '{"id":"b","expr":"2+2","lang":"expr"}',
    ];
    const outcome = await runExpr(["--batch"], lines.join("\n"));

    const answers = outcome.stdout.trimEnd().split("\n");
    assert.equal(outcome.status, 0);
    assert.equal(answers.length, 4);
    assert.equal(answers[0], '{"id":"a","value":2}');
    assert.match(answers[1] ?? "", /^\{"id":null,"error":"invalid character/);
    assert.match(answers[2] ?? "", /^\{"id":7,"error":"a case needs the member/);
    assert.equal(answers[3], '{"id":"b","value":4}');
  });

  it("keeps the digits of large numbers on both sides", async () => {
    const line = '{"id":12345678901234567890,"expr":"[n, -n, f]","env":{"n":9223372036854775807,"f":1.0}}';
    const outcome = await runExpr(["--batch"], line);

    assert.equal(
      outcome.stdout,
      '{"id":12345678901234567890,"value":[9223372036854775807,-9223372036854775807,1]}\n',
    );
  });

  it("takes null for a value, and a missing environment for an empty one", async () => {
    const answers = await runBatch([
      { id: 1, lang: "jq", expr: ".", env: null },
      { id: 2, lang: "jq", expr: "." },
      { id: 3, expr: "1", env: null },
    ]);

    assert.equal(answers[0], '{"id":1,"value":"null"}');
    assert.equal(answers[1], '{"id":2,"value":"{}"}');
    assert.match(answers[2] ?? "", /the environment must be a JSON object/);
  });

  it("ends lines at line feeds only", async () => {
    const outcome = await runExpr(
      ["--batch"],
      '{"id":1,"expr":"s","env":{"s":"a\u2028b\u0085c"}}\r\n{"id":2,"expr":"2"}',
    );

    assert.equal(outcome.stdout, '{"id":1,"value":"a\\u2028b\u0085c"}\n{"id":2,"value":2}\n');
  });

  it("knows the types that JSON cannot say", async () => {
    const env = { response: { headers: { "X-A": ["1", "2"] } }, data: ["a"] };
    const typed = { "response.headers": "http.Header", data: "[]string" };
    const answers = await runBatch([
      { id: 1, expr: "response.headers.Values('x-a')", env, typed },
      { id: 2, expr: "type(response.headers)", env, typed },
      { id: 3, expr: "data[0].x", env, typed },
      { id: 4, expr: "response.headers.Get('x-a')", env },
    ]);

    assert.equal(answers[0], '{"id":1,"value":["1","2"]}');
    assert.equal(answers[1], '{"id":2,"value":"net/http.Header"}');
    assert.match(answers[2] ?? "", /type string has no field x/);
    assert.match(answers[3] ?? "", /invalid operation: cannot call nil/);
  });

  it("ends an expression that takes too long, and answers the next", async () => {
    const answers = await runBatch(
      [
        { id: 1, lang: "jq", expr: "last(range(1e15))", env: {} },
        { id: 2, expr: "1" },
      ],
      ["--timeout", "100"],
    );

    assert.match(answers[0] ?? "", /did not end within 100 ms/);
    assert.equal(answers[1], '{"id":2,"value":1}');
  });
});
