import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { getObject, location, putObject, shell, startPod, startServers, storedKeys } from "./desk.ts";

describe("artifacts of a step", { concurrency: 2 }, () => {
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

  it("stores zstd where an annotation of the template asks for it and the key ends in .tar.zst, and loads it as any archive", async (t) => {
    const servers = await startServers(t);
    const outputs = {
      artifacts: [
        { name: "tree", path: "/out/t", s3: { key: "made/tree.tar.zst" } },
        { name: "usual", path: "/out/t" },
        { name: "zipped", path: "/out/t", archive: { zip: {} }, s3: { key: "made/zip.tar.zst" } },
      ],
    };
    const script = "mkdir -p /out/t/sub; echo 1 > /out/t/a; echo 2 > /out/t/sub/b";
    const asking = (value: string) => ({
      ...shell(script, { outputs }),
      metadata: { annotations: { "outrider.io/archive-compression": value } },
    });
    const make = await startPod(t, asking("zstd"), { servers });
    const magics = async (pod: typeof make) =>
      await Promise.all(
        ["tree", "usual", "zipped"].map(async (name) => (await pod.stored(name)).toString("hex", 0, 2)),
      );

    assert.deepEqual(await make.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(await magics(make), ["5b2a", "1f8b", "504b"]);
    const [tree] = make.outputs().artifacts ?? [];

    const use = await startPod(
      t,
      shell("cd /in/t && find . | sort", {
        inputs: { artifacts: [{ ...tree, name: "tree", path: "/in/t" }] },
      }),
      { servers },
    );
    assert.deepEqual(await use.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal(use.printed("main"), ".\n./a\n./sub\n./sub/b\n");

    const plain = await startPod(t, shell(script, { outputs }));
    assert.deepEqual(await plain.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(await magics(plain), ["1f8b", "1f8b", "504b"]);

    const unknown = await startPod(t, asking("brotli"));
    assert.deepEqual(await unknown.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(await magics(unknown), ["1f8b", "1f8b", "504b"]);
    assert.match(unknown.log("wait"), /outrider\.io\/archive-compression is neither zstd nor gzip/);
  });

  it("says what a folder that is stored unpacked loses, on a volume as in main's own file system", async (t) => {
    const fill = (folder: string) =>
      `mkdir -p ${folder}; cd ${folder}; echo 1 > a; ln a b; ln -s a l; ln -s a m; mkfifo f; mkdir empty`;
    const pod = await startPod(t, {
      ...shell(
        `${fill("/out/t")}; ${fill("/vol/t")}; mkdir /out/none; printf x > "/out/none/$(printf '\\377')"`,
        {
          outputs: {
            artifacts: [
              { name: "own", path: "/out/t", archive: { none: {} } },
              { name: "shared", path: "/vol/t", archive: { none: {} }, s3: { key: "shared" } },
              { name: "void", path: "/out/t/empty", archive: { none: {} } },
              { name: "latin", path: "/out/none", archive: { none: {} } },
            ],
          },
          container: { volumeMounts: [{ name: "vol", mountPath: "/vol" }] },
        },
      ),
      volumes: [{ name: "vol", emptyDir: {} }],
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.match(await pod.message("wait"), /^artifact latin failed to save: .*has a name that is not UTF-8/);
    assert.deepEqual(pod.saved(), ["own", "shared", "void", "main-logs"]);
    const keys = await storedKeys(pod.servers);
    const files = keys
      .filter((key) => /\/[abfglm]$/.test(key))
      .map((key) => key.split("/").slice(-2).join("/"));
    assert.deepEqual(files.sort(), ["shared/a", "shared/b", "t/a", "t/b"]);
    const log = pod.log("wait");
    for (const [text, times] of [
      ["2 entries such as l are left out: each is a symlink", 2],
      ["f is left out: it is a fifo", 2],
      ["the directory has no files, so nothing is stored", 1],
    ] as const) {
      assert.equal(log.split(text).length - 1, times, `${text}\n${log}`);
    }
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

  it("says why a secret cannot be read", async (t) => {
    const servers = await startServers(t);
    const secret = (key: string) => ({ name: "my-minio-cred", key });
    for (const [key, why] of [
      ["nokey", "open /argo/secret/my-minio-cred/nokey: no such file or directory"],
      [
        "../../../var/run/argo/template",
        'the key of a secret selector must be letters, digits, "-", "_" and ".", not "../',
      ],
      ["", "the key of a secret selector must be"],
    ] as const) {
      const s3 = { ...location(servers.store), key: "k", accessKeySecret: secret(key) };
      const pod = await startPod(
        t,
        shell("true", { inputs: { artifacts: [{ name: "x", path: "/x", s3 }] } }),
        {
          servers,
        },
      );

      assert.deepEqual(await pod.codes(), { init: 64 });
      assert.ok((await pod.message("init")).includes(why), await pod.message("init"));
    }
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

  it("says what is in the way of an input, and leaves it there", async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "in", "x");
    servers.store.addFault({ kind: "delay", ms: 300, match: { method: "GET", key: "in" } });
    const template = shell("echo never", {
      volumes: [{ name: "work", emptyDir: {} }],
      inputs: {
        artifacts: [
          { name: "inside", path: "/work/folder/file", raw: { data: "first" } },
          { name: "folder", path: "/work/folder", s3: { key: "in" } },
        ],
      },
    });
    const container = { ...template.container, volumeMounts: [{ name: "work", mountPath: "/work" }] };
    const pod = await startPod(t, { ...template, container }, { servers });

    assert.equal((await pod.codes()).init, 64);
    assert.equal(
      await pod.message("init"),
      "artifact folder failed to load: /work/folder exists already as a folder, which is not replaced; " +
        "choose a path that does not exist on the volume",
    );
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
});
