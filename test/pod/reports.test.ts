import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { putObject, shell, startPod, startServers, storedKeys, until, untilFile } from "./desk.ts";

const taskResults = "workflowtaskresults";
const made = { outputs: { artifacts: [{ name: "made", path: "/tmp/made" }] } };

describe("reports to the API server", { concurrency: 2 }, () => {
  it("R7: explains once that creating a task result is forbidden, and saves artifacts and logs all the same", async (t) => {
    const pod = await startPod(t, shell("echo 1 > /tmp/made; echo hi", made), {
      rules: [{ verbs: ["patch"], resources: [taskResults] }],
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    const message = await pod.message("wait");
    assert.match(
      message,
      /cannot create resource "workflowtaskresults".*grant the pod's service account "create" and "patch"/,
    );
    const names = (await storedKeys(pod.servers)).map((key) => key.split("/").at(-1));
    assert.deepEqual(names.sort(), ["made.tgz", "main.log"]);
  });

  it("R7: needs no right to create where the task result is there already", async (t) => {
    const servers = await startServers(t, { rules: [{ verbs: ["patch"], resources: [taskResults] }] });
    const gate = shell("until test -e /tmp/go; do sleep 0.05; done; echo 1 > /tmp/made", made);
    const pod = await startPod(t, gate, { servers });
    servers.api.create(
      { group: "argoproj.io", version: "v1alpha1", resource: taskResults, namespace: "argo" },
      {
        metadata: { name: pod.nodeId, labels: { "workflows.argoproj.io/report-outputs-completed": "true" } },
      },
    );
    await untilFile(pod, "main", "/var/run/argo/ctr/main/lock");
    await writeFile(pod.path("main", "/tmp/go"), "");

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    const labels = pod
      .states()
      .map(({ metadata }) => metadata.labels?.["workflows.argoproj.io/report-outputs-completed"]);
    assert.deepEqual([labels[1], labels.at(-1)], ["false", "true"], "an earlier pod's label must not count");
  });

  it("R7: explains that patching a task result is forbidden, and ends", async (t) => {
    const pod = await startPod(t, shell("echo 1 > /tmp/made; echo hi", made), {
      rules: [{ verbs: ["create"], resources: [taskResults] }],
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.match(
      await pod.message("wait"),
      /cannot patch resource "workflowtaskresults".*\("patch" was refused/,
    );
    const names = (await storedKeys(pod.servers)).map((key) => key.split("/").at(-1));
    assert.deepEqual(names.sort(), ["made.tgz", "main.log"]);
  });

  it("S4: reports when the API server is back, however long main has ended by then", async (t) => {
    const pod = await startPod(
      t,
      shell("until test -e /tmp/go; do sleep 0.05; done; echo 1 > /tmp/made", made),
    );
    await pod.waitForState(() => true);
    await pod.servers.api.pause();
    await writeFile(pod.path("main", "/tmp/go"), "");
    await untilFile(pod, "main", "/var/run/argo/ctr/main/exitcode");
    await until("a report in vain", () => pod.log("wait").includes("the task result will be sent again"));

    await pod.servers.api.resume();

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    assert.ok(pod.isCompleted());
    assert.match(pod.log("wait"), /the task result will be sent again/);
  });

  it("S4: watches main even while the API server was never there", async (t) => {
    const servers = await startServers(t);
    await servers.api.pause();
    const pod = await startPod(t, shell("echo 1 > /tmp/made", made), { servers });
    await untilFile(pod, "main", "/var/run/argo/ctr/main/exitcode");
    await until("a report in vain", () => pod.log("wait").includes("the task result will be sent again"));

    await servers.api.resume();

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    assert.ok(pod.isCompleted());
  });

  it("S5: waits as long as a throttling API server asks, and copes with conflicts and lost answers", async (t) => {
    const pod = await startPod(t, shell("echo 1 > /tmp/made", made), {
      apiFaults: [
        { kind: "drop", afterWork: true, times: 1, match: { verb: "create", resource: taskResults } },
        {
          kind: "status",
          status: 429,
          retryAfterSeconds: 2,
          times: 1,
          match: { verb: "patch", resource: taskResults },
        },
        {
          kind: "status",
          status: 503,
          times: 1,
          body: "<html>busy</html>",
          match: { verb: "patch", resource: taskResults },
        },
        { kind: "drop", times: 1, match: { verb: "patch", resource: taskResults } },
      ],
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    assert.ok(pod.isCompleted());
    const patches = pod.servers.api.requests.filter(({ method }) => method === "PATCH");
    const throttled = patches.findIndex(({ status }) => status === 429);
    const pauseMs = (patches[throttled + 1]?.atMs ?? 0) - (patches[throttled]?.atMs ?? 0);
    assert.ok(pauseMs >= 2000, `asked again after ${pauseMs} ms`);
    assert.ok(pod.servers.api.requests.length < 12, "there must be no busy loop");
  });

  it("R34: reports progress now and then, and the last value before the end", async (t) => {
    const script =
      "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo $i/30 > $ARGO_PROGRESS_FILE; sleep 0.1; done";
    const pod = await startPod(t, shell(script), { progressTick: "1s" });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const values = [
      ...new Set(pod.states().flatMap(({ progress }) => (progress === undefined ? [] : [progress]))),
    ];
    assert.equal(values.at(-1), "30/30");
    assert.ok(values.length >= 2 && values.length <= 6, `reported: ${values.join(" ")}`);
  });

  it("reports no progress that the controller could not read", async (t) => {
    const script = "for v in half 5 7/3 /2 -1/4; do echo $v > $ARGO_PROGRESS_FILE; sleep 0.2; done";
    const pod = await startPod(t, shell(script), { progressTick: "50ms" });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(
      pod.states().filter(({ progress }) => progress !== undefined),
      [],
    );
  });

  it("S14: reports once and correctly after wait was killed between upload and report", async (t) => {
    const pod = await startPod(t, shell("echo 1 > /tmp/made", made), {
      apiFaults: [{ kind: "delay", ms: 60_000, times: 1, match: { verb: "patch", resource: taskResults } }],
    });
    await pod.servers.api.waitForRequest(({ method }) => method === "PATCH", AbortSignal.timeout(20_000));

    pod.container("wait").restart();

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    assert.deepEqual(await pod.unpacked("made"), { made: "1\n" });
    const withOutputs = pod.states().filter(({ outputs }) => outputs !== undefined);
    assert.equal(new Set(withOutputs.map(({ outputs }) => JSON.stringify(outputs))).size, 1);
    assert.ok(pod.isCompleted());
  });

  it("R8: leaves nothing under the final key when wait is killed in the middle of an upload, and starts over", async (t) => {
    const pod = await startPod(
      t,
      shell("head -c 30000000 /dev/urandom > /tmp/big", {
        outputs: { artifacts: [{ name: "big", path: "/tmp/big", archive: { none: {} } }] },
      }),
    );
    pod.servers.store.addFault({
      kind: "slow",
      bytesPerSecond: 2_000_000,
      match: { method: "PUT", key: /big$/ },
    });
    await pod.servers.store.waitForRequest(({ key, bytes }) => key?.endsWith("/big") === true && bytes > 0);
    await until("some of the upload", () =>
      pod.servers.store.requests.some(
        ({ key, bytes }) => key?.endsWith("/big") === true && bytes > 1_000_000,
      ),
    );

    pod.container("wait").killAll();
    await pod.container("wait").ended;
    const keys = await storedKeys(pod.servers);
    assert.deepEqual(
      keys.filter((key) => key.endsWith("/big")),
      [],
    );
    pod.servers.store.clearFaults();
    pod.container("wait").start();
    await pod.container("wait").ended;

    assert.deepEqual(pod.saved(), ["big", "main-logs"]);
    assert.equal((await pod.stored("big")).length, 30_000_000);
    assert.ok(pod.isCompleted());
  });

  it("R8: leaves no half input at its place when init is killed in the middle of a download", async (t) => {
    const servers = await startServers(t);
    const { PutObjectCommand } = await import("@aws-sdk/client-s3");
    await servers.s3.send(
      new PutObjectCommand({ Bucket: "my-bucket", Key: "in", Body: Buffer.alloc(20_000_000, 7) }),
    );
    await putObject(servers, "folder/a", "1");
    await putObject(servers, "folder/b", "2");
    servers.store.addFault({ kind: "slow", bytesPerSecond: 2_000_000, match: { method: "GET", key: "in" } });
    const pod = await startPod(
      t,
      shell("wc -c < /in/x; ls /in/folder", {
        inputs: {
          artifacts: [
            { name: "x", path: "/in/x", archive: { none: {} }, s3: { key: "in" } },
            { name: "folder", path: "/in/folder", s3: { key: "folder" } },
          ],
        },
      }),
      { servers },
    );
    const input = pod.path("init", "/argo/inputs/artifacts/x");
    await until("the download", () => existsSync(`${input}.tmp`));
    await until("the folder", () => existsSync(pod.path("init", "/argo/inputs/artifacts/folder")));
    assert.equal(existsSync(input), false);

    servers.store.clearFaults();
    pod.container("init").restart();

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal(pod.printed("main").trim(), "20000000\na\nb");
  });

  it("R8: stores nothing half when the pod is deleted without grace during an upload", async (t) => {
    const pod = await startPod(
      t,
      shell("mkdir /tmp/tree; head -c 3000000 /dev/urandom > /tmp/tree/a", {
        outputs: { artifacts: [{ name: "tree", path: "/tmp/tree" }] },
      }),
    );
    pod.servers.store.addFault({
      kind: "slow",
      bytesPerSecond: 1_000_000,
      match: { method: "PUT", key: /tree\.tgz$/ },
    });
    await until("some of the upload", () =>
      pod.servers.store.requests.some(
        ({ key, bytes }) => key?.endsWith("tree.tgz") === true && bytes > 100_000,
      ),
    );

    await pod.desk.stop(0);

    const keys = await storedKeys(pod.servers);
    assert.deepEqual(
      keys.filter((key) => key.endsWith("tree.tgz")),
      [],
    );
    assert.equal((await pod.codes()).wait, 137);
  });
});

describe("a wait container that is killed and started again", { concurrency: 2 }, () => {
  const script = "echo going; until test -e /tmp/go; do sleep 0.05; done; echo 1 > /tmp/made";

  it("R8: while it starts", async (t) => {
    const pod = await startPod(t, shell("echo 1 > /tmp/made", made));
    await until("wait's first process", () => pod.container("wait").isRunning);

    pod.container("wait").restart();

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    assert.ok(pod.isCompleted());
  });

  it("R8: while it sleeps", async (t) => {
    const pod = await startPod(t, shell(script, made));
    await pod.waitForState(() => true);

    pod.container("wait").restart();
    await writeFile(pod.path("main", "/tmp/go"), "");

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    assert.ok(pod.isCompleted());
  });

  it("R8: after its last report, whose answer was lost", async (t) => {
    const pod = await startPod(t, shell("echo 1 > /tmp/made", made));
    const { api } = pod.servers;
    api.addFault({
      kind: "drop",
      afterWork: true,
      match: { verb: "patch", resource: "workflowtaskresults" },
    });
    const isReport = ({ method, body }: { method: string; body: string }) =>
      method === "PATCH" && body.includes('"outputs"');
    await api.waitForRequest(isReport, AbortSignal.timeout(20_000));

    pod.container("wait").restart();
    api.clearFaults();

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.saved(), ["made", "main-logs"]);
    assert.ok(pod.isCompleted());
  });
});
