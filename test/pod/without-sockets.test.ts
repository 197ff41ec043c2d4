import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Pod } from "../../desk/kubelet/index.ts";
import { HandedFiles } from "../../src/outputs/index.ts";
import { PodPaths } from "../../src/podfiles/index.ts";
import { Pod as NativePod } from "../native/program.ts";
import { without } from "../native/without.ts";
import { shell, startPod } from "./desk.ts";

/** The pod on a volume where main's emissary can bind no socket; with `flock`, lock nothing either. */
function withoutSockets(...more: readonly "flock"[]): (pod: Pod) => Pod {
  const wrapper = without("bind", ...more);
  return (pod) => ({
    ...pod,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map((container) =>
        container.name === "main"
          ? { ...container, command: [...wrapper, ...(container.command ?? [])] }
          : container,
      ),
    },
  });
}

const script = [
  "mkdir -p /tmp/tree/deep /tmp/empty",
  "echo one > /tmp/tree/a; echo two > /tmp/tree/deep/b; ln -s a /tmp/tree/link",
  "head -c 3000000 /dev/zero | tr '\\0' x > /tmp/large",
  "printf 42 > /tmp/answer",
].join("\n");

const outputs = {
  parameters: [
    { name: "answer", valueFrom: { path: "/tmp/answer" } },
    { name: "none", valueFrom: { path: "/tmp/none", default: "otherwise" } },
  ],
  artifacts: [
    { name: "tree", path: "/tmp/tree" },
    { name: "plain-tree", path: "/tmp/tree", archive: { none: {} } },
    { name: "large", path: "/tmp/large", archive: { none: {} } },
    { name: "zipped", path: "/tmp/large", archive: { zip: {} } },
    { name: "empty", path: "/tmp/empty", archive: { none: {} } },
    { name: "maybe", path: "/tmp/maybe", optional: true },
  ],
};

describe("a pod on a volume without sockets", () => {
  it("has its outputs saved from files: parameters, folders, plain and packed, and goes on when they are", async (t) => {
    for (const isInitless of [false, true]) {
      const pod = await startPod(t, shell(script, { outputs }), { changePod: withoutSockets(), isInitless });

      const codes = await pod.codes();

      assert.deepEqual([...new Set(Object.values(codes))], [0]);
      assert.match(pod.log("main"), /this volume has no sockets: outputs will be handed over as files/);
      assert.deepEqual(pod.parameters(), { answer: "42", none: "otherwise" });
      assert.deepEqual(pod.saved(), ["tree", "plain-tree", "large", "zipped", "empty", "main-logs"]);
      assert.deepEqual(await pod.unpacked("tree"), {
        tree: "/",
        "tree/a": "one\n",
        "tree/deep": "/",
        "tree/deep/b": "two\n",
        "tree/link": "one\n",
      });
      assert.equal((await pod.stored("large")).toString("latin1"), "x".repeat(3_000_000));
      assert.ok((await pod.stored("zipped")).length < 100_000);
    }
  });

  it("fails for an output that is missing, saves the others, and keeps main's exit code", async (t) => {
    const declared = {
      artifacts: [
        { name: "gone", path: "/tmp/gone" },
        { name: "made", path: "/tmp/made" },
      ],
    };
    const template = shell("echo 1 > /tmp/made; exit 7", { outputs: declared });

    const pod = await startPod(t, template, { changePod: withoutSockets("flock") });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 7 });
    assert.match(await pod.message("wait"), /gone failed to save.*\/tmp\/gone: no such file or directory/);
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    assert.match(pod.log("main"), /this volume has no locks/);
  });

  it("is not misled by files that the step had left where outputs are handed over", async (t) => {
    const attack = [
      "echo 1 > /tmp/made",
      "folder=$ARGOEXEC_ROOT/var/run/argo/ctr/main/handed",
      // Where the emissary is about to leave its own.
      "mkdir -p $folder; ln -s /etc/passwd $folder/0; mkfifo $folder/1",
    ];
    const declared = { artifacts: [{ name: "made", path: "/tmp/made" }] };

    const pod = await startPod(t, shell(attack.join("\n"), { outputs: declared }), {
      changePod: withoutSockets(),
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(await pod.unpacked("made"), { made: "1\n" });
  });

  it("takes no link, FIFO or half answer for an output, whoever put it there afterwards", async (t) => {
    const pod = new NativePod(t);
    const handed = pod.container("main", "handed");
    const files = new HandedFiles(new PodPaths(pod.root), ["/link", "/fifo", "/half", "/none"], () => {});
    mkdirSync(handed, { recursive: true });
    symlinkSync("/etc/passwd", `${handed}/0`);
    execFileSync("mkfifo", [`${handed}/1`]);
    // A status, and data that announce more than there is.
    writeFileSync(`${handed}/2`, Buffer.concat([frame("S", "file 9 0 644", 12), frame("D", "half", 1000)]));

    for (const [path, code] of [
      ["/link", "BadRequest"],
      ["/fifo", "BadRequest"],
      ["/half", "Corrupt"],
      ["/none", "Corrupt"],
    ] as const) {
      await assert.rejects(files.readSmall(path, 1000, new AbortController().signal), { code }, path);
    }
  });
});

function frame(type: string, text: string, announced: number): Buffer {
  const head = Buffer.alloc(9);
  head.write(type, "latin1");
  head.writeBigUInt64BE(BigInt(announced), 1);
  return Buffer.concat([head, Buffer.from(text)]);
}
