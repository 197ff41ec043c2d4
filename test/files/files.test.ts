import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { writeNewFile } from "../../src/files/index.ts";
import { CallPace } from "../../src/limits/index.ts";

const never = new AbortController().signal;

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-files-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe("writeNewFile", () => {
  it("writes what the source yields, readable for everyone whatever the umask", async (t) => {
    const path = join(makeFolder(t), "new");
    const umask = process.umask(0o077);
    t.after(() => process.umask(umask));

    await writeNewFile(Readable.from([Buffer.from("one "), Buffer.from("two")]), path, never);

    assert.equal(readFileSync(path, "utf8"), "one two");
    assert.equal(statSync(path).mode & 0o777, 0o644);
  });

  it("replaces nothing and follows no link", async (t) => {
    const folder = makeFolder(t);
    writeFileSync(join(folder, "there"), "old");
    symlinkSync(join(folder, "elsewhere"), join(folder, "link"));

    for (const name of ["there", "link"]) {
      const writing = writeNewFile(Readable.from([Buffer.from("new")]), join(folder, name), never);
      await assert.rejects(writing, { code: "EEXIST" });
    }

    assert.equal(readFileSync(join(folder, "there"), "utf8"), "old");
    assert.throws(() => statSync(join(folder, "elsewhere")), { code: "ENOENT" });
  });

  it("fails with its source's own error, and then the file can be removed for good", async (t) => {
    const path = join(makeFolder(t), "new");
    const source = Readable.from(
      (async function* () {
        yield Buffer.from("half");
        throw new Error("the store broke off");
      })(),
    );

    await assert.rejects(writeNewFile(source, path, never), /the store broke off/);

    rmSync(path);
    assert.throws(() => statSync(path), { code: "ENOENT" });
  });

  it("ends when it is told to", async (t) => {
    const stop = new AbortController();
    const endless = new Readable({ read() {} });
    endless.push("the beginning");

    const writing = writeNewFile(endless, join(makeFolder(t), "new"), stop.signal);
    stop.abort();

    await assert.rejects(writing, { name: "AbortError" });
  });
});

describe("CallPace", () => {
  /** Takes as long as a call that has to wait for a network volume. */
  const slowCall = () => {
    const end = performance.now() + 1;
    while (performance.now() < end);
  };

  it("begins quick, and hands calls over once most of them are slow", () => {
    const pace = new CallPace();
    assert.ok(pace.isQuick);

    for (let call = 0; call < 32; call++) pace.measure(slowCall);

    assert.ok(!pace.isQuick);
  });

  it("gives what the calls give, and throws what they throw", () => {
    const pace = new CallPace();

    assert.equal(
      pace.measure(() => 7),
      7,
    );
    assert.throws(
      () =>
        pace.measure(() => {
          throw new Error("EIO");
        }),
      /EIO/,
    );
  });
});
