import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { getObject, putObject, shell, startPod, startServers, storedKeys } from "./desk.ts";

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
    assert.equal((await pod.stored("main-logs")).toString(), "first line\n42\naside\n");
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

  it("passes a file and a folder on to the next step", async (t) => {
    const servers = await startServers(t);
    const make = await startPod(
      t,
      shell(
        "echo a report > /tmp/report.txt; mkdir -p /out/t/sub /out/t/empty; echo 1 > /out/t/a; echo 2 > /out/t/sub/b",
        {
          outputs: {
            artifacts: [
              { name: "report", path: "/tmp/report.txt" },
              { name: "tree", path: "/out/t" },
            ],
          },
        },
      ),
      { servers },
    );
    assert.deepEqual(await make.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(await make.unpacked("report"), { "report.txt": "a report\n" });
    assert.deepEqual(await make.unpacked("tree"), {
      t: "/",
      "t/a": "1\n",
      "t/empty": "/",
      "t/sub": "/",
      "t/sub/b": "2\n",
    });
    const [report, tree] = make.outputs().artifacts ?? [];

    const use = await startPod(
      t,
      shell("cat /work/in/report.txt; cd /in/t && find . | sort", {
        inputs: {
          artifacts: [
            { ...report, name: "report", path: "/work/in/report.txt" },
            { ...tree, name: "tree", path: "/in/t" },
          ],
        },
      }),
      { servers },
    );

    assert.deepEqual(await use.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal(use.printed("main"), "a report\n.\n./a\n./empty\n./sub\n./sub/b\n");
  });

  it("stores artifacts unpacked, as zip, and uncompressed where the template asks for it", async (t) => {
    const pod = await startPod(
      t,
      shell("mkdir -p /out/t/sub; echo 1 > /out/t/a; echo 2 > /out/t/sub/b; echo plain > /out/plain", {
        outputs: {
          artifacts: [
            { name: "folder", path: "/out/t", archive: { none: {} } },
            { name: "plain", path: "/out/plain", archive: { none: {} } },
            { name: "zipped", path: "/out/t", archive: { zip: {} } },
            { name: "stored", path: "/out/t", archive: { tar: { compressionLevel: 0 } } },
          ],
        },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const names = (await storedKeys(pod.servers)).map((key) => key.split("/").slice(2).join("/"));
    assert.deepEqual(names.sort(), ["main.log", "plain", "stored.tgz", "t/a", "t/sub/b", "zipped.zip"]);
    assert.equal((await pod.stored("plain")).toString(), "plain\n");
    assert.equal((await pod.stored("zipped")).subarray(0, 2).toString(), "PK");
    assert.deepEqual(await pod.unpacked("stored"), { t: "/", "t/a": "1\n", "t/sub": "/", "t/sub/b": "2\n" });
  });

  it("loads raw and compressed inputs, with the mode asked for", async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "in/tool", "#!/bin/sh\necho it runs\n");
    await putObject(servers, "in/text.gz", gzipSync("compressed, not a tar\n"));
    const pod = await startPod(
      t,
      shell("cat /in/raw; /in/tool; gzip -dc /in/text", {
        inputs: {
          artifacts: [
            { name: "raw", path: "/in/raw", raw: { data: "given in the manifest\n" } },
            { name: "tool", path: "/in/tool", mode: 0o755, s3: { key: "in/tool" } },
            { name: "text", path: "/in/text", s3: { key: "in/text.gz" } },
          ],
        },
      }),
      { servers },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal(pod.printed("main"), "given in the manifest\nit runs\ncompressed, not a tar\n");
  });

  it("starts without an optional input, and never without a required one", async (t) => {
    const servers = await startServers(t);
    const optional = await startPod(
      t,
      shell("echo went on", {
        inputs: { artifacts: [{ name: "x", path: "/in/x", optional: true, s3: { key: "not/there" } }] },
      }),
      { servers },
    );
    assert.deepEqual(await optional.codes(), { init: 0, wait: 0, main: 0 });

    const required = await startPod(
      t,
      shell("echo went on", {
        inputs: { artifacts: [{ name: "x", path: "/in/x", s3: { key: "not/there" } }] },
      }),
      { servers },
    );

    assert.deepEqual(await required.codes(), { init: 64 });
    assert.match(await required.message("init"), /^artifact x failed to load: .*(does not exist|not found)/i);
    assert.equal(required.printed("main"), "");
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

  it("keeps new data at the place of an input, beside the old", async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "old", "old");
    const pod = await startPod(
      t,
      shell("echo new > /data/x; cat /data/x", {
        inputs: { artifacts: [{ name: "x", path: "/data/x", s3: { key: "old" } }] },
        outputs: { artifacts: [{ name: "y", path: "/data/x" }] },
      }),
      { servers },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(await pod.unpacked("y"), { x: "new\n" });
    assert.equal((await getObject(servers, "old")).toString(), "old");
  });

  it("saves outputs on a volume of the user's, and loads inputs into it", async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "in", "from the store\n");
    const template = shell("find /work -type f; cp /work/in/x /work/out; echo seen > /work/p", {
      volumes: [{ name: "work", emptyDir: {} }],
      inputs: { artifacts: [{ name: "x", path: "/work/in/x", s3: { key: "in" } }] },
      outputs: {
        artifacts: [{ name: "out", path: "/work/out" }],
        parameters: [{ name: "p", valueFrom: { path: "/work/p" } }],
      },
    });
    const container = { ...template.container, volumeMounts: [{ name: "work", mountPath: "/work" }] };
    const pod = await startPod(t, { ...template, container }, { servers });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal(pod.printed("main"), "/work/in/x\n");
    assert.deepEqual(await pod.unpacked("out"), { out: "from the store\n" });
    assert.deepEqual(pod.parameters(), { p: "seen" });
  });

  it("R35: saves a file that is both a parameter and an artifact", async (t) => {
    const pod = await startPod(
      t,
      shell("echo both > /tmp/both", {
        outputs: {
          parameters: [{ name: "value", valueFrom: { path: "/tmp/both" } }],
          artifacts: [{ name: "file", path: "/tmp/both" }],
        },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.parameters(), { value: "both" });
    assert.deepEqual(await pod.unpacked("file"), { both: "both\n" });
  });

  it("R36: fails a folder of which a part cannot be read, naming the part", {
    skip: process.getuid?.() === 0 && "root can read everything",
  }, async (t) => {
    const pod = await startPod(
      t,
      shell("mkdir -p /out/t/locked; echo 1 > /out/t/a; echo 2 > /out/t/locked/b; chmod 0 /out/t/locked", {
        outputs: { artifacts: [{ name: "tree", path: "/out/t" }] },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.match(await pod.message("wait"), /artifact tree failed to save: .*\/out\/t\/locked/);
    assert.deepEqual(pod.saved(), ["main-logs"]);
    await pod.desk[Symbol.asyncDispose]();
    assert.equal(existsSync(pod.desk.root), false, "such a folder must not outlive the pod");
  });

  it("S7: saves nine of ten artifacts and names the tenth", async (t) => {
    const names = Array.from({ length: 10 }, (_, index) => `a${index}`);
    const pod = await startPod(
      t,
      shell("cd /out; for i in 0 1 2 3 5 6 7 8 9; do echo $i > /out/a$i; done", {
        container: { workingDir: "/out" },
        outputs: { artifacts: names.map((name) => ({ name, path: `/out/${name}` })) },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.match(await pod.message("wait"), /^artifact a4 failed to save: .*\/out\/a4.*no such file/);
    assert.deepEqual(pod.saved(), [...names.filter((name) => name !== "a4"), "main-logs"]);
    assert.deepEqual(await pod.unpacked("a9"), { a9: "9\n" });
  });

  it("S11: saves overlapping artifacts whole, each of them", async (t) => {
    const pod = await startPod(
      t,
      shell("mkdir -p /out/a; echo 1 > /out/a/x; echo 2 > /out/y", {
        outputs: {
          artifacts: [
            { name: "all", path: "/out" },
            { name: "part", path: "/out/a" },
          ],
        },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(await pod.unpacked("all"), { out: "/", "out/a": "/", "out/a/x": "1\n", "out/y": "2\n" });
    assert.deepEqual(await pod.unpacked("part"), { a: "/", "a/x": "1\n" });
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
