import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { type MemoryGroup, openMemoryGroup } from "../servers/memory-group.ts";
import { startEndlessStore } from "./endless-store.ts";
import { outcomeOf, startSync } from "./sync.ts";

const mib = 1024 * 1024;
const limitBytes = 256 * mib;
const [few, ...many] = process.env.FULL ? [100_000, 2_000_000, 10_000_000] : [20_000, 120_000];

/**
 * Plans between two stores of so many keys, every 10,000th of which the target lacks, where the kernel kills what takes
 * more than the limit; peak memory in bytes.
 */
async function peakOf(t: TestContext, count: number): Promise<number> {
  const source = await startEndlessStore(t, count);
  const target = await startEndlessStore(t, count, (index) => index % 10_000 === 7);
  const group = groupFor(t);
  const startedMs = performance.now();
  const child = startSync(["plan", source.url, target.url], {}, group?.procs);
  let peak = 0;
  let ownPeak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakMemory(child.pid));
    ownPeak = Math.max(ownPeak, group?.ownBytes() ?? 0);
  }, 20);
  const { status, report, lastLine } = await outcomeOf(child).finally(() => clearInterval(watch));
  assert.equal(status, 0, lastLine);
  assert.equal(report?.totals.copied?.objects, count / 10_000);
  assert.equal(report?.totals.equal?.objects, count - count / 10_000);
  // Else it was not in there.
  if (group) assert.ok(ownPeak > mib, `${ownPeak} bytes in the group`);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const own = group ? `, ${Math.round(ownPeak / mib)} MiB of them its own` : "";
  t.diagnostic(`${count} keys on both sides: ${Math.round(peak / mib)} MiB${own}, ${seconds} s`);
  return peak;
}

/** Undefined where none can be made, which is said. */
function groupFor(t: TestContext): MemoryGroup | undefined {
  try {
    const group = openMemoryGroup(limitBytes);
    t.after(() => group.remove());
    return group;
  } catch (error) {
    t.diagnostic(`not limited, for no control group of memory can be made here: ${String(error)}`);
    return undefined;
  }
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
  it(`takes no more memory for ${many.join(" or ")} keys than for ${few}, and 256 MiB are enough`, {
    timeout: 1_200_000,
  }, async (t) => {
    const small = await peakOf(t, few);
    for (const count of many) {
      const large = await peakOf(t, count);

      assert.ok(small > 0 && large < limitBytes, `${Math.round(large / mib)} MiB`);
      // What the heap has grown to by then varies; what grows with the keys would be a hundred bytes for each.
      assert.ok(large < small + 64 * mib, `${Math.round(small / mib)} and ${Math.round(large / mib)} MiB`);
    }
  });
});
