import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../desk/object-client.ts";

/** A bench with a folder, and a server that has started another process, which say who they are. */
const bench = `
  const { openScratch } = await import(${JSON.stringify(resolve("bench/scratch.ts"))});
  const { spawn } = await import("node:child_process");
  const scratch = openScratch(process.argv[1], "bench-");
  const server = ["-c", "sleep 1000 & echo $!; wait"];
  scratch.keep(spawn("/bin/sh", server, { cwd: scratch.folder, detached: true, stdio: ["ignore", "inherit", "ignore"] }));
  console.log(scratch.folder);
  process.stdin.once("data", () => { throw new Error("the bench is wrong"); });
`;

async function start(t: TestContext) {
  const folder = await temporaryFolder(t);
  const args = ["--input-type=module", "-e", bench, folder];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "ignore"] });
  t.after(() => void child.kill("SIGKILL"));
  let pid = 0;
  let scratch = "";
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^\d+$/.test(line)) pid = Number(line);
    else scratch = line;
    if (pid > 0 && scratch !== "") break;
  }
  assert.ok(existsSync(scratch) && existsSync(join("/proc", String(pid))));
  return { child, pid, scratch };
}

/** The kernel takes a moment to end what is killed. */
async function expectGone(pid: number, scratch: string): Promise<void> {
  assert.ok(!existsSync(scratch), scratch);
  for (let tries = 0; existsSync(join("/proc", String(pid))); tries += 1) {
    assert.ok(tries < 100, `process ${pid} is still there`);
    await sleep(20);
  }
}

describe("a bench", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    it(`leaves neither its folder nor its servers when it gets ${signal}`, async (t) => {
      const { child, pid, scratch } = await start(t);

      child.kill(signal);
      const [status] = await once(child, "exit");

      assert.equal(status, signal === "SIGTERM" ? 143 : 130);
      await expectGone(pid, scratch);
    });

  it("leaves nothing when it throws", async (t) => {
    const { child, pid, scratch } = await start(t);

    child.stdin.write("now\n");
    const [status] = await once(child, "exit");

    assert.equal(status, 1);
    await expectGone(pid, scratch);
  });
});
