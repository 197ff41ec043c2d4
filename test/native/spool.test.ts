import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Pod, type Running, sh, until } from "./program.ts";

/**
 * 60,000 lines of 9 bytes, of which 80,000 bytes may lie on the volume, in segments of 10,000: also too much with what
 * the emissary reads at once and what its pipe holds, so that no command can be over before it was held back.
 */
const lines = 60_000;
const printed = Array.from({ length: lines }, (_, index) => `${String(index + 1).padStart(8, "0")}\n`).join(
  "",
);
const segment = 10_000;
const limit = 8 * segment;
const print = sh(`seq -f %08.0f ${lines}`);

function starts(pod: Pod): readonly number[] {
  const names = readdirSync(pod.container("main")).filter((name) => name.startsWith("combined"));
  return names.map((name) => Number(name.split(".")[1] ?? 0)).sort((a, b) => a - b);
}

function file(pod: Pod, start: number): string {
  return pod.container("main", start === 0 ? "combined" : `combined.${start}`);
}

/** A command that prints, and is held back because nobody has taken anything. */
async function held(pod: Pod): Promise<Running> {
  pod.plan("main", `capture combined ${limit}`, `spool ${segment} 60000`);
  const running = pod.emissary(print, { stdout: "ignore" });
  await until("a full volume", () => existsSync(file(pod, limit)));
  return running;
}

describe("emissary: output that the collector takes away", () => {
  it("R32: holds the command back where the limit is used up, and loses nothing while segments are taken", async (t) => {
    const pod = new Pod(t);
    const running = await held(pod);

    const taken: string[] = [];
    let onDiskMax = 0;
    for (let start = 0; !existsSync(pod.container("main", "exitcode")); ) {
      onDiskMax = Math.max(onDiskMax, starts(pod).length);
      if (existsSync(file(pod, start + segment))) {
        taken.push(readFileSync(file(pod, start), "latin1"));
        rmSync(file(pod, start));
        start += segment;
      } else await new Promise(setImmediate);
    }
    await running.exited;

    assert.ok(onDiskMax * segment <= limit + 65_536 + segment, `${onDiskMax} segments`);
    const rest = starts(pod).map((start) => readFileSync(file(pod, start), "latin1"));
    assert.equal([...taken, ...rest].join(""), printed);
    assert.equal(pod.verdict(), "0");
  });

  it("R32: leaves out the oldest once the collector says that it takes no more", async (t) => {
    const pod = new Pod(t);
    const running = await held(pod);
    const first = starts(pod)[0];

    writeFileSync(pod.container("main", "spool-ended"), "");
    const exit = await running.exited;

    assert.equal(first, 0, "nothing was removed while somebody might come");
    assert.equal(exit.code, 0);
    const left = starts(pod);
    const text = left.map((start) => readFileSync(file(pod, start), "latin1")).join("");
    assert.ok(left.length <= 9, `${left.length} segments`);
    assert.equal(text, printed.slice(left[0]));
  });

  it("R32: leaves out the oldest when nobody has taken anything for as long as it may hold the command back", async (t) => {
    const pod = new Pod(t);
    // Not held(): a full volume lasts no longer than this patience, and a busy machine may look too late.
    pod.plan("main", `capture combined ${limit}`, `spool ${segment} 300`);

    const exit = await pod.emissary(print, { stdout: "ignore" }).exited;

    assert.equal(exit.code, 0);
    assert.match(exit.stderr, /output is not taken away in time: the oldest is left out from now on/);
    const left = starts(pod);
    const text = left.map((start) => readFileSync(file(pod, start), "latin1")).join("");
    assert.equal(text, printed.slice(left[0]));
  });

  it("R32: a TERM reaches a command that is held back, whose last words are kept", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", `capture combined ${limit}`, `spool ${segment} 60000`);
    const script = "trap 'echo last words; exit 7' TERM; while :; do echo 0123456789; done";
    const running = pod.emissary(sh(script), { stdout: "ignore" });
    await until("a full volume", () => existsSync(file(pod, limit)));

    running.kill("SIGTERM");
    const exit = await running.exited;

    assert.equal(exit.code, 7);
    assert.match(readFileSync(file(pod, starts(pod).at(-1) ?? 0), "latin1"), /last words\n$/);
  });

  it("forgets that an earlier collector took no more", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", `capture combined ${limit}`, `spool ${segment} 60000`);
    await pod.run(["true"]);
    writeFileSync(pod.container("main", "spool-ended"), "");

    const running = await held(pod);

    assert.equal(starts(pod)[0], 0);
    running.kill("SIGKILL");
  });
});
