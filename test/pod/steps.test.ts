import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shell, startPod } from "./desk.ts";

describe("a step", { concurrency: 2 }, () => {
  it("runs its command, saves its log and completes the task result", async (t) => {
    const pod = await startPod(t, {
      container: { image: "busybox", command: ["echo"], args: ["hello there"] },
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal((await pod.ended).phase, "Succeeded");
    assert.equal(pod.printed("main"), "hello there\n");
    assert.deepEqual(pod.saved(), ["main-logs"]);
    assert.equal((await pod.stored("main-logs")).toString(), "hello there\n");
    assert.ok(pod.isCompleted());
  });

  it("gives a script's standard output as its result, without one newline", async (t) => {
    const source = "echo first line\necho 42\necho aside >&2\n";
    const pod = await startPod(t, { script: { image: "busybox", command: ["sh"], source } });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal(pod.outputs().result, "first line\n42");
    // Two pipes, whose order nobody knows.
    const lines = (await pod.stored("main-logs")).toString().split("\n");
    assert.deepEqual(lines.sort(), ["", "42", "aside", "first line"]);
  });

  it("reports parameters byte for byte, defaults where a file is missing, and goes on after one that is", async (t) => {
    const pod = await startPod(
      t,
      shell(
        "mkdir /tmp/p; printf 'one\\n' > /tmp/p/a; printf 'two\\n\\n' > /tmp/p/b; : > /tmp/p/empty; printf 'ü\\n' > /data",
        {
          outputs: {
            parameters: [
              { name: "a", valueFrom: { path: "/tmp/p/a" } },
              { name: "gone", valueFrom: { path: "/tmp/p/gone" } },
              { name: "b", valueFrom: { path: "/tmp/p/b" } },
              { name: "empty", valueFrom: { path: "/tmp/p/empty" } },
              { name: "fallback", valueFrom: { path: "/tmp/p/none", default: "plan b" } },
              { name: "root", valueFrom: { path: "/data" } },
            ],
          },
        },
      ),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.match(await pod.message("wait"), /output parameter gone: .*\/tmp\/p\/gone.*no such file/);
    assert.deepEqual(pod.parameters(), {
      a: "one",
      gone: undefined,
      b: "two\n",
      empty: "",
      fallback: "plan b",
      root: "ü",
    });
  });

  it("saves what a failing command left, and leaves optional outputs out", async (t) => {
    const pod = await startPod(
      t,
      shell("echo before; echo kept > /tmp/kept; exit 3", {
        outputs: {
          artifacts: [
            { name: "kept", path: "/tmp/kept" },
            { name: "maybe", path: "/tmp/maybe", optional: true },
          ],
        },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 3 });
    assert.equal(await pod.message("main"), "");
    assert.deepEqual(pod.saved(), ["kept", "main-logs"]);
    assert.deepEqual(await pod.unpacked("kept"), { kept: "kept\n" });
  });

  it("says that a command does not exist", async (t) => {
    const pod = await startPod(t, { container: { image: "busybox", command: ["no-such-program"] } });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 64 });
    assert.match(await pod.message("main"), /exec: "no-such-program": executable file not found in \$PATH/);
    assert.deepEqual(pod.outputs(), {});
    assert.ok(pod.isCompleted());
  });

  it("S16: saves a thousand parameters, and names the one that is too large for a task result", async (t) => {
    const parameters = Array.from({ length: 1000 }, (_, index) => ({
      name: `p${index}`,
      valueFrom: { path: `/out/p${index}` },
    }));
    const pod = await startPod(
      t,
      shell(
        "mkdir -p /out; i=0; while [ $i -lt 1000 ]; do echo value $i > /out/p$i; i=$((i+1)); done; head -c 1390000 /dev/zero | tr '\\0' x > /out/big; head -c 300000 /dev/zero | tr '\\0' y > /out/medium",
        {
          outputs: {
            parameters: [
              ...parameters,
              { name: "big", valueFrom: { path: "/out/big" } },
              { name: "medium", valueFrom: { path: "/out/medium" } },
            ],
          },
        },
      ),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.match(await pod.message("wait"), /output parameter big is 1390002 bytes/);
    const found = pod.parameters();
    assert.equal(found.p999, "value 999");
    assert.equal(found.big, undefined);
    assert.equal(String(found.medium).length, 300_000);
  });
});
