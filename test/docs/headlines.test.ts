import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { headlines } from "../../bench/headlines.ts";
import { readSection } from "../../bench/report.ts";

describe("the README's figures", () => {
  it("are those that the benches have written into docs/performance.md", () => {
    assert.equal(readSection("README.md", "headlines").trim(), headlines());
  });
});
