import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ByteBudget } from "../../src/limits/index.ts";
import { memoryBudget, readMemoryLimit } from "../../src/transfer/index.ts";

const mib = 1024 * 1024;
const signal = new AbortController().signal;

describe("ByteBudget", () => {
  it("serves in the order of asking, so that a large request is not passed by small ones for ever", async () => {
    const budget = new ByteBudget(10);
    const order: string[] = [];
    const release = await budget.acquire(6, signal);
    const large = budget.acquire(8, signal).then((giveBack) => {
      order.push("large");
      giveBack();
    });
    const small = budget.acquire(1, signal).then((giveBack) => {
      order.push("small");
      giveBack();
    });

    assert.equal(budget.tryAcquire(1), undefined);
    release();
    await Promise.all([large, small]);

    assert.deepEqual(order, ["large", "small"]);
    assert.equal(budget.freeBytes, 10);
  });

  it("gives all it has to who asks for more", async () => {
    const budget = new ByteBudget(10);

    const release = await budget.acquire(1000, signal);

    assert.equal(budget.freeBytes, 0);
    release();
    release();
    assert.equal(budget.freeBytes, 10);
  });

  it("forgets who was cancelled while waiting", async () => {
    const budget = new ByteBudget(10);
    const release = await budget.acquire(10, signal);
    const stop = new AbortController();
    const waiting = budget.acquire(10, stop.signal);
    const next = budget.acquire(5, signal);

    stop.abort(new Error("stop"));

    await assert.rejects(waiting, /stop/);
    release();
    (await next)();
    assert.equal(budget.freeBytes, 10);
  });
});

describe("memory budget", () => {
  it("is 32 MiB, and less in a small container", () => {
    assert.equal(memoryBudget(undefined), 32 * mib);
    assert.equal(memoryBudget(1024 * mib), 32 * mib);
    assert.equal(memoryBudget(100 * mib), 22 * mib);
    assert.equal(memoryBudget(64 * mib), 4 * mib);
    assert.equal(memoryBudget(32 * mib), 4 * mib);
  });

  const cgroup = async (t: TestContext, files: Readonly<Record<string, string>>) => {
    const root = await mkdtemp(join(tmpdir(), "outrider-"));
    t.after(() => rm(root, { recursive: true }));
    for (const [path, content] of Object.entries(files)) {
      await mkdir(join(root, path, ".."), { recursive: true });
      await writeFile(join(root, path), content);
    }
    return root;
  };

  it("reads the limit of a cgroup of version 2", async (t) => {
    assert.equal(await readMemoryLimit(await cgroup(t, { "memory.max": "134217728\n" })), 128 * mib);
    assert.equal(await readMemoryLimit(await cgroup(t, { "memory.max": "max\n" })), undefined);
  });

  it("reads the limit of a cgroup of version 1, whose largest number means none", async (t) => {
    const file = "memory/memory.limit_in_bytes";
    assert.equal(await readMemoryLimit(await cgroup(t, { [file]: "67108864\n" })), 64 * mib);
    assert.equal(await readMemoryLimit(await cgroup(t, { [file]: "9223372036854771712\n" })), undefined);
  });

  it("knows no limit where there is no cgroup file system", async (t) => {
    assert.equal(await readMemoryLimit(await cgroup(t, {})), undefined);
  });
});
