import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Report, type ReportSnapshot } from "../../src/sync/index.ts";
import { writeReport } from "../../src/sync/report/index.ts";
import { temporaryFolder } from "../desk/object-client.ts";
import { startEndlessStore } from "./endless-store.ts";
import { program, s3Side, startSync, sync } from "./sync.ts";

describe("reports of argoexec sync", () => {
  it("are written as JSON, for Prometheus, and as a page, in one run", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    const folder = await temporaryFolder(t);
    for (const key of ["a", "b"]) await source.put(key, "12345");
    const files = ["r.json", "r.prom", "r.html"].map((name) => join(folder, name));

    const { status } = await sync([
      "run",
      source.url(),
      target.url(),
      ...files.flatMap((file) => ["--report", file]),
    ]);

    assert.equal(status, 0);
    const [json = "", prometheus = "", page = ""] = await Promise.all(
      files.map((file) => readFile(file, "utf8")),
    );
    assert.deepEqual(JSON.parse(json).totals, { copied: { objects: 2, bytes: 10 } });
    assert.match(
      prometheus,
      /^argo_sync_objects\{command="sync run",source="s3:\/\/ml\/",target="s3:\/\/ml\/",deed="copied"\} 2$/m,
    );
    assert.match(page, /<title>sync run: s3:\/\/ml\/<\/title>/);
    assert.match(page, /<svg [^>]*aria-label="sizes by workflow"/);
  });

  it("come whole through a pipe whose reader takes its time", async (t) => {
    const [source, target] = [await startEndlessStore(t, 5000), await startEndlessStore(t, 5000, () => true)];
    const child = startSync(["plan", source.url, target.url]);
    assert.ok(child.stdout);

    let json = "";
    for await (const chunk of child.stdout) {
      json += String(chunk);
      await sleep(20);
    }
    const report = JSON.parse(json) as ReportSnapshot;

    assert.equal(report.incidents.length, 5000);
  });

  it("do not change how a command ends where their reader leaves early, and do where they cannot be kept", async (t) => {
    const [source, target] = [await startEndlessStore(t, 5000), await startEndlessStore(t, 5000, () => true)];
    const outcomeOfPlan = async (command: string) => {
      const words = ["-c", `"$@" ${command}`, "sh", program, "sync", "plan", source.url, target.url];
      const env = { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: "access", AWS_SECRET_ACCESS_KEY: "secret" };
      const child = spawn("/bin/bash", words, { env, stdio: ["ignore", "pipe", "pipe"] });
      return await Promise.all([text(child.stdout), text(child.stderr)]);
    };

    const [left, told] = await outcomeOfPlan("| head -c 9 | cat; echo $" + "{PIPESTATUS[0]}");
    const [full, failed] = await outcomeOfPlan("> /dev/full; echo $?");

    assert.match(left, /^\{"command0\n$/);
    assert.match(told, /5000 would be copied.*\n$/);
    assert.equal(full, "20\n");
    assert.match(failed, /standard output cannot be written: .*no space left.*\n$/i);
  });

  it("are tables on a terminal, and what is in keys steers no terminal", async (t) => {
    const [source, folder] = [await s3Side(t), await temporaryFolder(t)];
    for (const key of ["a", "b", "x//evil\u001b[2Jkey\u202e"]) await source.put(key, "12345");
    const args = ["sync", "run", source.url(), `file://${folder}`].map((arg) => `'${arg}'`);
    const env = { ...process.env, AWS_ACCESS_KEY_ID: "desk", AWS_SECRET_ACCESS_KEY: "desk-secret" };
    // script(1) gives it a terminal; the bar goes elsewhere.
    const shell = `stty cols 100; ${program} ${args.join(" ")} 2>${folder}-bar`;
    const terminal = spawn("script", ["-qec", shell, "/dev/null"], {
      env: { ...env, SHELL: "/bin/sh" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => rm(`${folder}-bar`, { force: true }));

    const shown = (await text(terminal.stdout)).replaceAll("\r\n", "\n");

    assert.match(shown, /^sync run s3:\/\/ml\/ → file:/);
    assert.match(shown, /│ copied +│ +2 │ +10 B +│/);
    assert.match(shown, /│ failed +│ x\/\/evil\\u001b\[2Jkey\\u202e +│ a folder cannot hold/);
    assert.ok(!shown.includes("\u001b"), shown);
    for (const line of shown.split("\n")) assert.ok(line.length <= 100, line);
  });

  it("show hostile keys and workflows as text, and load nothing from anywhere", async (t) => {
    const report = new Report("sync run", "s3://a/", "s3://b/");
    const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\n`;
    report.note("copied", { sizeBytes: 100 }, hostile, hostile);
    report.fail({ key: hostile, sizeBytes: 7 }, new Error(hostile), hostile);
    const file = join(await temporaryFolder(t), "r.html");

    await writeReport(file, report.snapshot());

    const page = await readFile(file, "utf8");
    assert.doesNotMatch(page, /<script|<img|<link|<iframe|<[^>]*\s(?:src|href|on\w+)=|url\(|@import/i);
    assert.match(page, /default-src 'none'/);
    assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert.ok(page.includes("\\u202e"));
  });

  it("count what does not fit in, and stay bounded", () => {
    const report = new Report("sync plan", undefined, "x");
    for (let index = 0; index < 30_000; index += 1) {
      report.note("copied", { sizeBytes: 2 }, `ns/workflow-${index}`, `reason ${index}`);
      report.tell({ deed: "copied", key: `k${index}`, why: "", isPassing: true });
    }

    const { totals, workflows, incidents, incidentsLeftOut, reasons } = report.snapshot();

    assert.deepEqual(totals.copied, { objects: 30_000, bytes: 60_000 });
    assert.equal(Object.keys(workflows).length, 20_001);
    assert.deepEqual(workflows["…"]?.copied, { objects: 10_000, bytes: 20_000 });
    assert.equal(incidents.length + incidentsLeftOut, 30_000);
    assert.equal(
      Object.values(reasons).reduce((sum, times) => sum + times),
      30_000,
    );
    assert.ok(Object.keys(reasons).length <= 201);
  });
});
