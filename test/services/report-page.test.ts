// The page that `argoexec sync --report out.html` writes, in a real browser.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Report } from "../../src/sync/index.ts";
import { writeReport } from "../../src/sync/report/index.ts";
import { temporaryFolder } from "../drivers/surroundings.ts";

const chromium = "/usr/bin/chromium";
const run = promisify(execFile);
const mib = 1024 * 1024;

/** What a copy of three workflows and a search for orphans tell, with names that somebody made up to do harm. */
function exampleReport(): Report {
  const report = new Report("sync run", "s3://artifacts/", "gs://backup/argo/");
  for (let index = 0; index < 40; index += 1)
    report.note(
      "copied",
      { sizeBytes: (index % 7) * mib + 5 },
      `argo/nightly-${index % 10}`,
      "the target does not have it",
    );
  report.note("equal", { sizeBytes: 90 * mib }, "argo/train", "digest is equal");
  report.note("orphan", { sizeBytes: 30 * mib }, "argo/long-gone");
  report.tell({
    deed: "orphan",
    key: "long-gone/main.log",
    workflow: "argo/long-gone",
    sizeBytes: 30 * mib,
    why: "no workflow knows it",
    isPassing: true,
  });
  const hostile = `</title><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
  report.note("copied", { sizeBytes: 3 * mib }, hostile);
  report.fail({ key: hostile, sizeBytes: 7 }, new Error(hostile), hostile);
  report.warnings = [`s3://x/ keeps versions ${hostile}`];
  return report;
}

describe("the page of argoexec sync in Chromium", {
  skip: !existsSync(chromium) && "it is not installed",
}, () => {
  it("shows totals, treemap, workflows, failures and orphans, and runs nothing that names hold", async (t) => {
    const folder = await temporaryFolder(t);
    const page = join(folder, "report.html");
    await writeReport(page, exampleReport().snapshot());
    const picture = join(folder, "page.png");
    const open = async (...args: readonly string[]) =>
      await run(
        chromium,
        [
          ...[
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            `--user-data-dir=${folder}/profile`,
          ],
          ...args,
          pathToFileURL(page).href,
        ],
        { env: { PATH: process.env.PATH, HOME: folder }, maxBuffer: 64 * mib },
      );

    const { stdout: dom, stderr } = await open("--dump-dom");
    await open(`--screenshot=${picture}`, "--window-size=1000,1600");

    // The browser's own reading of the page, after whatever would have run has run.
    assert.match(dom, /<title>sync run: gs:\/\/backup\/argo\/<\/title>/);
    assert.doesNotMatch(dom, /<title>owned|<script|<img/);
    assert.doesNotMatch(stderr, /CONSOLE/, "neither an error nor a breach of the page's own policy");
    assert.deepEqual(
      [...dom.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, title]) => title),
      [
        "What became of the objects",
        "To know of the stores",
        "Sizes by workflow",
        "Workflows",
        "Why",
        "To look at",
      ],
    );
    const tiles = [
      ...dom.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
    ];
    assert.equal(tiles.length, 13);
    const areas = tiles.map(([, , , , width, height]) => Number(width) * Number(height));
    // The largest workflow has the largest tile, in proportion: 90 of some 246 MiB.
    assert.ok(Math.max(...areas) > 0.3 * 960 * 420 && Math.max(...areas) < 0.45 * 960 * 420);
    for (const text of [
      "argo/nightly-3",
      "argo/train",
      "long-gone/main.log",
      "no workflow knows it",
      "90.0 MiB",
    ])
      assert.ok(dom.includes(text), text);
    // It was drawn: white paper alone packs into a few kilobytes.
    assert.ok(readFileSync(picture).length > 30_000);
  });
});
