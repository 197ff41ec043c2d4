import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { startEndlessStore } from "./endless-store.ts";
import { outcomeOf, startSync } from "./sync.ts";

const mib = 1024 * 1024;
const [few, many] = process.env.FULL ? [100_000, 2_000_000] : [20_000, 120_000];

/** Plans between two stores of so many keys, every 100,000th of which the target lacks; peak memory in bytes. */
async function peakOf(t: TestContext, count: number): Promise<number> {
  const source = await startEndlessStore(t, count);
  const target = await startEndlessStore(t, count, (index) => index % 10_000 === 7);
  const child = startSync(["plan", source.url, target.url]);
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakMemory(child.pid));
  }, 20);
  const { status, report, lastLine } = await outcomeOf(child);
  clearInterval(watch);
  assert.equal(status, 0, lastLine);
  assert.equal(report?.totals.copied?.objects, count / 10_000);
  assert.equal(report?.totals.equal?.objects, count - count / 10_000);
  t.diagnostic(`${count} keys on both sides: ${Math.round(peak / mib)} MiB`);
  return peak;
}

/** What the process and the program that started it have held at most, as the kernel counts it. */
function peakMemory(pid: number | undefined): number {
  let sum = 0;
  for (const each of [pid, ...childrenOf(pid)]) {
    try {
      const [, kib = "0"] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${each}/status`, "utf8")) ?? [];
      sum += Number(kib) * 1024;
    } catch {
      // It has ended.
    }
  }
  return sum;
}

function childrenOf(pid: number | undefined): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

describe("argoexec sync of many keys", () => {
  it(`takes no more memory for ${many} keys than for ${few}`, { timeout: 1_200_000 }, async (t) => {
    const small = await peakOf(t, few);
    const large = await peakOf(t, many);

    assert.ok(small > 0 && large < 256 * mib, `${Math.round(large / mib)} MiB`);
    // What the heap has grown to by then varies; what grows with the keys would be a hundred bytes for each.
    assert.ok(large < small + 64 * mib, `${Math.round(small / mib)} and ${Math.round(large / mib)} MiB`);
  });
});
