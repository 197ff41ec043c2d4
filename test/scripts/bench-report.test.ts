import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { expectSection, median, percentile, writeSection } from "../../bench/report.ts";

describe("what benches report", () => {
  it("is the middle one of an odd number of figures, and the mean of the two in the middle of an even one", () => {
    assert.equal(median([30, 10, 20]), 20);
    assert.equal(median([13, 11]), 12);
    assert.equal(median([40, 10, 30, 20]), 25);
    assert.equal(median([7]), 7);
    assert.ok(Number.isNaN(median([])));
  });

  it("has as a percentile one of the figures, the largest at most", () => {
    assert.equal(percentile([4, 1, 3, 2], 0.5), 2);
    assert.equal(percentile([4, 1, 3, 2], 0.99), 4);
    assert.equal(percentile([4, 1, 3, 2], 1), 4);
  });

  it("goes between the marks of its section, and nowhere else; a page without them is told before anything is measured", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "report-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const page = join(folder, "page.md");
    const text = (of: string) => `before\n<!-- a -->\n\n${of}\n\n<!-- /a -->\n<!-- b -->\n<!-- /b -->\n`;
    writeFileSync(page, text("old"));

    expectSection(page, "a");
    writeSection(page, "a", "new");

    assert.equal(readFileSync(page, "utf8"), text("new"));
    assert.throws(() => expectSection(page, "c"), /no marks <!-- c --> and <!-- \/c -->/);
    assert.throws(() => writeSection(page, "c", "new"), /no marks/);
  });
});
