import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { it } from "node:test";
import { shell, startPod, untilFile } from "./desk.ts";

/** Resident memory of a process, in KiB; 0 when it has gone. */
function residentKiB(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

it("S2: takes the end of 200 MB of standard output as the result, in constant memory and space", async (t) => {
  const line = "0123456789abcdef".repeat(250);
  const script = `yes ${line} | head -c 200000000; echo; echo the last line`;
  const pod = await startPod(t, shell(script, { archiveLocation: { archiveLogs: false } }), {
    readsResult: true,
  });
  await untilFile(pod, "main", "/var/run/argo/ctr/main/lock");
  const peaks = { main: 0, wait: 0 };
  const timer = setInterval(() => {
    for (const name of ["main", "wait"] as const) {
      peaks[name] = Math.max(peaks[name], residentKiB(pod.container(name).pid));
    }
  }, 5);
  t.after(() => clearInterval(timer));

  assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });

  const result = pod.outputs().result ?? "";
  assert.equal(result.length, 262_144);
  assert.ok(
    result.endsWith("0123456789abcdef\n0123456\nthe last line") || result.endsWith("\nthe last line"),
  );
  const kept = statSync(pod.path("main", "/var/run/argo/ctr/main/stdout"));
  assert.ok(
    kept.blocks * 512 < 64 * 1024 * 1024,
    `${kept.blocks * 512} bytes of the output are kept on disk`,
  );
  assert.ok(peaks.main < 8 * 1024, `the emissary took ${peaks.main} KiB`);
  assert.ok(peaks.wait < 160 * 1024, `wait took ${peaks.wait} KiB`);
});
