import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { parseLogFormat, parseLogLevel } from "../../src/log/index.ts";

const entry = resolve(import.meta.dirname, "../../src/log/index.ts");

/** What a process says on standard error that opens the log and writes lines with it. */
function said(level: string, format: string, calls: string): readonly string[] {
  const script = `import { openLogger } from ${JSON.stringify(entry)};
    const log = openLogger(${JSON.stringify(level)}, ${JSON.stringify(format)});
    ${calls}`;
  const options = { encoding: "utf8" } as const;
  const { stderr, stdout } = spawnSync(
    process.execPath,
    ["--input-type=module-typescript", "-e", script],
    options,
  );
  assert.equal(stdout, "");
  return stderr.trimEnd().split("\n");
}

describe("the log", () => {
  it("is lines of text that carry argo=true, with values quoted only where needed", () => {
    const [line = ""] = said("info", "text", `log.info({ key: "a b", count: 3 }, "Save artifact");`);

    assert.match(
      line,
      /^time=\d{4}-\d\d-\d\dT\S+Z level=INFO msg="Save artifact" argo=true key="a b" count=3$/,
    );
  });

  it("is JSON where it is asked for", () => {
    const [line = ""] = said("info", "json", `log.warn({ key: "k" }, "slow");`);

    const { time, ...rest } = JSON.parse(line);
    assert.deepEqual(rest, { level: "WARN", msg: "slow", argo: true, key: "k" });
    assert.ok(!Number.isNaN(Date.parse(time)));
  });

  it("cannot be made to look like two lines by a value", () => {
    const lines = said("info", "text", `log.info({ error: "a\\nlevel=ERROR msg=forged" }, "x");`);

    assert.equal(lines.length, 1);
  });

  it("leaves out what is below its level", () => {
    const lines = said(
      "warn",
      "text",
      `log.debug({}, "a"); log.info({}, "b"); log.warn({}, "c"); log.error({}, "d");`,
    );

    assert.deepEqual(
      lines.map((line) => /msg=(\w)/.exec(line)?.[1]),
      ["c", "d"],
    );
  });

  it("knows the names of levels that controllers of any version pass, in any case", () => {
    const levels = ["trace", "Debug", "info", "print", "WARNING", "warn", "error", "fatal", "panic"];

    assert.deepEqual(levels.map(parseLogLevel), [
      "debug",
      "debug",
      "info",
      "info",
      "warn",
      "warn",
      "error",
      "error",
      "error",
    ]);
    assert.equal(parseLogLevel("loud"), undefined);
    assert.equal(parseLogFormat("JSON"), "json");
    assert.equal(parseLogFormat("xml"), undefined);
  });
});
