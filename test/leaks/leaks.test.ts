import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";

/** Runs a file of tests as scripts/test.mjs does. */
async function run(LEAK: string) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ["--import", "./test/leaks.ts", "--test", "test/fixtures/leaks/leaking.ts"];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...env, LEAK },
  });
  const exit = once(child, "close");
  const stdout = Buffer.concat(await child.stdout.toArray()).toString();
  const [status] = await exit;
  return { status, stdout };
}

describe("a test file", { concurrency: true }, () => {
  for (const [what, named] of [
    ["server", /1 TCPServerWrap/],
    ["timer", /1 Timeout/],
    ["child", /process \d+: sleep 60/],
  ] as const) {
    it(`fails for a ${what} that its tests left behind, and says so`, async () => {
      const { status, stdout } = await run(what);

      assert.notEqual(status, 0);
      assert.match(stdout, /left behind by \S+leaking.ts/);
      assert.match(stdout, named);
    });
  }

  it("passes when its tests have cleaned up", async () => {
    const { status, stdout } = await run("nothing");

    assert.equal(status, 0, stdout);
  });
});
