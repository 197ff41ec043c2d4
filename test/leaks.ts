// Loaded into each test file's process (scripts/test.mjs): what a file's tests leave behind fails the file. That is
// whatever would keep a process alive: sockets, servers, timers, child processes, and processes of theirs.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/** Closing takes a moment: the other end has to answer, and processes have to be reaped. */
const patienceMs = 5_000;
const kinds = [
  "TCPSocketWrap",
  "TCPServerWrap",
  "TLSWrap",
  "PipeWrap",
  "PipeConnectWrap",
  "PipeServerWrap",
  "UDPWrap",
  "ProcessWrap",
  "FSEventWrap",
  "Timeout",
];
// These open with their first use, which is nobody's leak.
for (const stream of [process.stdin, process.stdout, process.stderr]) stream.setMaxListeners(20);
const before = active();

after(async () => {
  const end = performance.now() + patienceMs;
  while (leftBehind().length > 0 && performance.now() < end) await sleep(20);
  // What was left would keep the process, and with it the run, for ever; the report is out by then.
  if (leftBehind().length > 0) setTimeout(() => process.exit(1), 1_000).unref();
  assert.deepEqual(leftBehind(), [], `left behind by ${process.argv[1]}: close it in t.after`);
});

function leftBehind(): readonly string[] {
  const now = active();
  const resources = kinds.flatMap((kind) => {
    const more = (now.get(kind) ?? 0) - (before.get(kind) ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
  return [...resources, ...children()];
}

function active(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Command lines of the processes that this one has started and that still live; on Linux only. */
function children(): readonly string[] {
  const own = `/proc/${process.pid}/task`;
  try {
    const pids = readdirSync(own).flatMap((task) =>
      readFileSync(`${own}/${task}/children`, "utf8")
        .split(" ")
        .filter((pid) => pid !== ""),
    );
    return pids.flatMap((pid) => commandOf(pid));
  } catch {
    return [];
  }
}

/** Nothing for one that has ended: its name is in nobody's memory, and it will be reaped. */
function commandOf(pid: string): readonly string[] {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return command === "" ? [] : [`process ${pid}: ${command}`];
  } catch {
    return [];
  }
}
