import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSection } from "../../bench/report.ts";
import { type Figures, Line, sectionOf } from "../../bench/sync-lines.ts";

const ours: Figures = { seconds: 1.25, cpu: 0.5, peak: 60, stores: 2.5 };
const theirs: Figures = { seconds: 2.5, cpu: 1, peak: 30, stores: 3 };

function measured(store: string, name: string, seconds: number): Line {
  const line = new Line(store, name);
  line.add("argoexec sync", { ...ours, seconds });
  line.add("s5cmd", theirs);
  return line;
}

function rowOf(section: string, name: string): string | undefined {
  return section.split("\n").find((row) => row.startsWith(`| ${name} |`));
}

describe("the table of bench:sync", () => {
  it("keeps the lines of earlier runs with the runs that they are of, and replaces what is measured anew", () => {
    const first = sectionOf("", [measured("minio", "a", 1.25), measured("minio", "b", 5)]);
    const earlier = first.replaceAll(/^1\. .*$/gm, "1. `an earlier command`, commit 0. Medians of 1.");

    const second = sectionOf(earlier, [measured("minio", "b", 1), measured("versity", "a", 2)]);

    assert.equal(rowOf(second, "a"), rowOf(first, "a"));
    assert.match(rowOf(second, "a") ?? "", /1\.25 s, 0\.50 CPU s, 60 MiB .* 2\.00 x \| 0\.50 x \| 1 \|$/);
    assert.match(rowOf(second, "b") ?? "", /1\.00 s, .* 2\.50 x \| 0\.50 x \| 2 \|$/);
    assert.match(second, /^1\. `an earlier command`, commit 0\. Medians of 1\.$/m);
    assert.match(second, /^2\. `node bench\/sync\.ts.*commit [0-9a-f]+,.* Medians of 1\.$/m);
    assert.match(second, /On versity:/);
    assert.equal(sectionOf(second, []), second);
  });

  it("is the one that the page has: each line names a run, with its command and commit", () => {
    const section = readSection("docs/performance.md", "sync");

    const rows = section.split("\n").filter((row) => /^\| (?!\|)\w/.test(row));
    assert.ok(rows.length > 0);
    for (const row of rows) assert.match(row, /\| \d+ \|$/);
    assert.equal((sectionOf(section, []).match(/ \| \d+ \|$/gm) ?? []).length, rows.length);
    for (const run of section.match(/^\d+\. .*$/gm) ?? [])
      assert.match(run, /`node bench\/sync\.ts .*commit \w+/);
  });
});
