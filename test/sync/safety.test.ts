import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryFolder } from "../desk/object-client.ts";
import { outcomeOf, s3Side, startSync, sync } from "./sync.ts";

describe("argoexec sync does no harm", { concurrency: 2 }, () => {
  it("plans without changing anything, and says what run would do", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("new", "1");
    await source.put("changed", "22");
    await target.put("changed", "old");
    await target.put("extra", "x");
    const before = await target.contents();
    target.server.clearRequests();

    const { status, report, lastLine } = await sync(["plan", source.url(), target.url(), "--delete"]);

    assert.equal(status, 0);
    assert.match(lastLine, /1 would be copied, 1 would be replaced, 1 would be deleted/);
    assert.deepEqual(
      report?.incidents.map(({ deed, key, why }) => [deed, key, why]),
      [
        ["replaced", "changed", "size differs"],
        ["deleted", "extra", "only the target has it"],
        ["copied", "new", "the target does not have it"],
      ],
    );
    assert.deepEqual(target.objectRequests("PUT", "POST", "DELETE"), []);
    assert.deepEqual(await target.contents(), before);
  });

  it("deletes with --delete what only the target has", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("a", "1");
    for (const key of ["b", "c//d", "e/"]) await target.put(key, "x");

    const { status, report } = await sync(["run", source.url(), target.url(), "--delete"]);

    assert.equal(status, 0);
    assert.deepEqual(await target.contents(), { a: "1" });
    assert.equal(report?.totals.deleted?.objects, 3);
  });

  it("deletes nothing where it would be more than --max-delete", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("a", "1");
    for (const key of ["b", "c", "d"]) await target.put(key, "x");

    const args = ["run", source.url(), target.url(), "--delete", "--max-delete", "2"];
    const { status, report, lastLine } = await sync(args);

    assert.equal(status, 20);
    assert.match(lastLine, /--max-delete 2/);
    assert.deepEqual(Object.keys(await target.contents()), ["a", "b", "c", "d"]);
    assert.equal(report?.totals.kept?.objects, 3);
  });

  it("deletes nothing where the source is empty", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await target.put("a", "x");

    const { status, lastLine } = await sync(["run", source.url(), target.url(), "--delete"]);

    assert.equal(status, 20);
    assert.match(lastLine, /the source is empty/);
    assert.deepEqual(await target.contents(), { a: "x" });
  });

  it("deletes nothing where a listing fails on its way, and says that a retry helps", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    const folder = await temporaryFolder(t);
    for (let index = 0; index < 1100; index += 1) writeFileSync(join(folder, `k${index}`), "x");
    assert.equal((await sync(["run", `file://${folder}`, source.url()])).status, 0);
    await target.put("zzz", "keep");
    // The second page, and every try of it.
    source.server.addFault({
      match: { method: "GET", query: "continuation-token" },
      kind: "status",
      status: 503,
    });

    const { status, lastLine } = await sync(["run", source.url(), target.url(), "--delete"]);

    assert.equal(status, 10, lastLine);
    assert.match(lastLine, /run the same command again/);
    assert.equal((await target.get("zzz")).bytes.toString(), "keep");
  });

  it("deletes nothing where a copy failed", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("a", "1");
    await target.put("b", "x");
    target.server.addFault({
      match: { method: "PUT", key: "a" },
      kind: "status",
      status: 403,
      code: "AccessDenied",
    });

    const { status, report } = await sync(["run", source.url(), target.url(), "--delete"]);

    assert.equal(status, 20);
    assert.deepEqual(await target.contents(), { b: "x" });
    assert.deepEqual(
      report?.incidents.map(({ deed, key, code }) => [deed, key, code]),
      [
        ["failed", "a", "Forbidden"],
        ["kept", "", undefined],
      ],
    );
  });

  it("goes on with the others where one fails for now, and says that a retry helps", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (const key of ["a", "b", "c"]) await source.put(key, key);
    target.server.addFault({
      match: { method: "PUT", key: "b" },
      kind: "status",
      status: 503,
      code: "SlowDown",
    });

    const first = await sync(["run", source.url(), target.url()]);

    assert.equal(first.status, 10);
    assert.match(first.lastLine, /1 could not be copied now .*run the same command again/);
    assert.deepEqual(await target.contents(), { a: "a", c: "c" });
    target.server.clearFaults();
    assert.equal((await sync(["run", source.url(), target.url()])).status, 0);
    assert.deepEqual(await target.contents(), { a: "a", b: "b", c: "c" });
  });

  it("copies no byte that the source's digest does not vouch for", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    await source.put("k", "some content");
    source.server.addFault({ match: { method: "GET", key: "k" }, kind: "corrupt", at: 3 });

    const { status, report } = await sync(["run", source.url(), target.url()]);

    assert.equal(status, 20);
    assert.equal(report?.incidents[0]?.code, "Corrupt");
    assert.deepEqual(await target.contents(), {});
  });

  it("does not copy a repository into itself", async (t) => {
    const side = await s3Side(t);
    for (const [from, to] of [
      ["a", "a/b"],
      ["a", ""],
      ["", "b"],
    ] as const) {
      const { status, lastLine } = await sync(["run", side.url(from), side.url(to)]);
      assert.equal(status, 64, lastLine);
      assert.match(lastLine, /lie in each other/);
    }
  });

  it("verifies content, not times: other bytes of the same size are found, and nothing is changed", async (t) => {
    const source = await s3Side(t);
    const folder = await temporaryFolder(t);
    await source.put("same", "same");
    await source.put("other", "1234");
    await source.put("missing", "x");
    await writeFile(join(folder, "same"), "same");
    await writeFile(join(folder, "other"), "1235");

    const { status, report, lastLine } = await sync(["verify", source.url(), `file://${folder}`]);

    assert.equal(status, 10);
    assert.match(lastLine, /1 are missing and 1 differ \(1 are equal\)/);
    assert.deepEqual(report?.incidents.map(({ deed, key, why }) => [deed, key, why]).sort(), [
      ["different", "other", "bytes differ"],
      ["missing", "missing", "the target does not have it"],
    ]);
  });

  it("tells wrong use with 64, and never shows what a URL's query holds", async (t) => {
    const folder = await temporaryFolder(t);
    const here = `file://${folder}`;
    for (const [args, message] of [
      [["run", here], /two repositories/],
      [["copy", here, here], /unknown command "copy"/],
      [["run", "ftp://x/y", here], /its scheme "ftp" is none of/],
      [["run", "s3://user:hunter2@b/y", here], /must not hold a user or a password/],
      [["run", "s3://bucket/y?secret=hunter2", here], /no parameter "secret"/],
      [["run", "s3://bucket/y?endpoint=%zz", here], /.+/],
      [["run", `${folder}/no.yaml`, here], /no\.yaml cannot be read/],
      [["run", `${here}/missing`, here], /.+/],
      [["run", here, `${here}x`, "--transfers", "many"], /--transfers must be a number/],
      [["run", here, `${here}x`, "--report", "r.pdf"], /must be one of/],
      [["run", here, `${here}x`, "--unheard-of"], /unknown flag/],
    ] as const) {
      const { status, stderr, lastLine } = await sync(args);
      assert.equal(status, 64, `${args.join(" ")}: ${lastLine}`);
      assert.match(lastLine, message);
      assert.doesNotMatch(stderr, /hunter2/);
    }
  });

  it("follows no link out of a folder, and says so", async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, "from"));
    await mkdir(join(folder, "to"));
    await symlink("/etc/hostname", join(folder, "from/link"));

    const { status, lastLine } = await sync(["run", `file://${folder}/from`, `file://${folder}/to`]);

    assert.equal(status, 20);
    assert.match(lastLine, /link is a symbolic link/);
  });

  it("stops in order when it is told to, and goes on later", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (let index = 0; index < 20; index += 1) await source.put(`k${index}`, "x");
    target.server.addFault({ match: { method: "PUT", key: "k9" }, kind: "delay", ms: 60_000 });
    // One after the other: all before the last key are done when its turn comes.
    const child = startSync(["run", source.url(), target.url(), "--transfers", "1"]);
    const ended = outcomeOf(child);
    await target.server.waitForRequest(({ method, key }) => method === "PUT" && key === "k9");

    child.kill("SIGTERM");

    const { status, lastLine } = await ended;
    assert.equal(status, 10, lastLine);
    assert.match(lastLine, /run the same command again/);
    target.server.clearFaults();
    const next = await sync(["run", source.url(), target.url()]);
    assert.equal(next.status, 0);
    assert.match(Object.keys(next.report?.reasons ?? {}).join(), /went on behind "k8"/);
    assert.deepEqual(await target.contents(), await source.contents());
    assert.match((await sync(["plan", source.url(), target.url()])).lastLine, /nothing to do/);
  });
});
