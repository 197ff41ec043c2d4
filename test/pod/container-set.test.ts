import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DeskTemplate } from "../../desk/index.ts";
import { startPod } from "./desk.ts";

const workspace = [{ name: "workspace", mountPath: "/workspace" }];

function member(name: string, script: string, dependencies: readonly string[] = []) {
  return { name, image: "busybox", command: ["sh", "-c"], args: [script], dependencies };
}

function containerSet(
  containers: readonly ReturnType<typeof member>[],
  rest: Partial<DeskTemplate> = {},
): DeskTemplate {
  const { containerSet: more, ...others } = rest;
  return {
    volumes: [{ name: "workspace", emptyDir: {} }],
    ...others,
    containerSet: { volumeMounts: workspace, ...more, containers },
  };
}

describe("a container set", { concurrency: 2 }, () => {
  it("runs members in the order of their dependencies, on shared volumes, and saves main's outputs", async (t) => {
    const pod = await startPod(
      t,
      containerSet(
        [
          member("main", "cat /workspace/a /workspace/b > /workspace/all; echo the result", ["b"]),
          member("b", "cat /workspace/a; echo b > /workspace/b", ["a"]),
          member("a", "sleep 0.3; echo a > /workspace/a"),
        ],
        { outputs: { artifacts: [{ name: "all", path: "/workspace/all" }] } },
      ),
      { readsResult: true },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0, b: 0, a: 0 });
    assert.equal(pod.outputs().result, "the result");
    assert.deepEqual(await pod.unpacked("all"), { all: "a\nb\n" });
    assert.deepEqual(pod.saved(), ["all", "main-logs", "b-logs", "a-logs"]);
    assert.equal((await pod.stored("b-logs")).toString(), "a\n");
  });

  it("runs a member that fails again, as often as the retry strategy says", async (t) => {
    const pod = await startPod(
      t,
      containerSet([member("main", "echo x >> /workspace/tries; test $(wc -l < /workspace/tries) -ge 3")], {
        containerSet: {
          containers: [],
          volumeMounts: workspace,
          retryStrategy: { retries: "3", duration: "50ms" },
        },
        outputs: { parameters: [{ name: "tries", valueFrom: { path: "/workspace/tries" } }] },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.parameters(), { tries: "x\nx\nx" });
  });

  it("ends the other members when main fails, and saves main's outputs", async (t) => {
    const pod = await startPod(
      t,
      {
        containerSet: {
          containers: [
            {
              name: "main",
              image: "busybox",
              command: ["sh", "-c"],
              args: ["echo ok > /tmp/p; sleep 0.5; exit 4"],
            },
            { name: "other", image: "busybox", command: ["sh", "-c"], args: ["echo going; exec sleep 600"] },
          ],
        },
        outputs: { parameters: [{ name: "p", valueFrom: { path: "/tmp/p" } }] },
      },
      { gracePeriodSeconds: 5 },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 4, other: 143 });
    assert.deepEqual(pod.parameters(), { p: "ok" });
  });

  it("R9: never starts a member whose dependency failed, and saves what the others left", async (t) => {
    const pod = await startPod(
      t,
      containerSet(
        [
          member("good", "echo fine; echo kept > /workspace/kept"),
          member("bad", "echo failing; exit 4"),
          member("never", "echo never", ["bad"]),
          member("main", "echo and never this", ["never"]),
        ],
        { outputs: { artifacts: [{ name: "kept", path: "/workspace/kept" }] } },
      ),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, good: 0, bad: 4, never: 64, main: 64 });
    assert.match(await pod.message("never"), /dependency "bad" exited with non-zero code: 4/);
    assert.match(await pod.message("main"), /dependency "never" exited with non-zero code: 4/);
    assert.deepEqual(pod.saved(), ["kept", "good-logs", "bad-logs"]);
    assert.equal((await pod.stored("bad-logs")).toString(), "failing\n");
    assert.ok(pod.isCompleted());
  });

  it("R9: starts no dependant of a member that was killed outright", async (t) => {
    const pod = await startPod(
      t,
      containerSet([member("first", "echo going; sleep 60"), member("main", "echo never", ["first"])]),
    );
    await pod.waitForState(() => true);

    pod.container("first").killAll();

    const codes = await pod.codes();
    assert.equal(codes.first, 137);
    assert.notEqual(codes.main, 0);
    assert.equal(codes.wait, 0);
    assert.equal(pod.printed("main").includes("never\n"), false);
    assert.ok(pod.isCompleted());
  });
});
