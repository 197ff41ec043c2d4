import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startDeafListener } from "../servers/deaf-listener.ts";
import { location, putObject, shell, startPod, startServers, until } from "./desk.ts";
import { canChangeUser, startPodOfOtherUser } from "./other-user.ts";

const needsRoot = !canChangeUser && "only root can run a container as another user";

describe("a step whose image runs as another user than the executor", { concurrency: 2 }, () => {
  it("R2: runs with the shared program and plan, and its outputs are saved", {
    skip: needsRoot,
  }, async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "in", "content");
    const template = shell("id -u; cat /in/x; mkdir /work/d; echo made > /work/d/made", {
      volumes: [{ name: "work", emptyDir: {} }],
      inputs: { artifacts: [{ name: "x", path: "/in/x", archive: { none: {} }, s3: { key: "in" } }] },
      outputs: { artifacts: [{ name: "d", path: "/work/d" }] },
    });
    const container = { ...template.container, volumeMounts: [{ name: "work", mountPath: "/work" }] };

    const pod = await startPodOfOtherUser(t, { ...template, container }, servers);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 }, await pod.message("main"));
    assert.equal(pod.printed("main"), "65534\ncontent\n");
    assert.deepEqual(await pod.unpacked("d"), { d: "/", "d/made": "made\n" });
  });

  for (const archive of [{ none: {} }, { tar: {} }]) {
    const [strategy = ""] = Object.keys(archive);
    it(`S1, R36: reports no part of a folder that it cannot read to the end (${strategy})`, {
      skip: needsRoot,
    }, async (t) => {
      const servers = await startServers(t);
      const script =
        "cd /tmp; mkdir -p d/a d/locked d/z; echo 1 > d/a/1; echo 2 > d/z/2; chmod 0 d/locked; echo ok > ok";
      const template = shell(script, {
        outputs: {
          artifacts: [
            { name: "d", path: "/tmp/d", archive },
            { name: "ok", path: "/tmp/ok" },
          ],
        },
      });

      const pod = await startPodOfOtherUser(t, template, servers);

      assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
      assert.match(
        await pod.message("wait"),
        /artifact d failed to save: .*\/tmp\/d\/locked: permission denied/,
      );
      assert.deepEqual(pod.saved(), ["ok", "main-logs"]);
      assert.ok(pod.isCompleted());
    });
  }
});

describe("a store that is hard to reach", { concurrency: 2 }, () => {
  it("R11: is asked again after a connection attempt that nobody answered (dial tcp: i/o timeout)", async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "in", "content");
    const deaf = await startDeafListener(servers.store.endpoint);
    t.after(() => deaf[Symbol.asyncDispose]());
    const template = shell("cat /in/x", {
      inputs: {
        artifacts: [
          {
            name: "x",
            path: "/in/x",
            archive: { none: {} },
            s3: { ...location(servers.store), endpoint: deaf.endpoint, key: "in" },
          },
        ],
      },
    });

    const pod = await startPod(t, template, { servers });
    const attempts = new Set<string>();
    await until("a second attempt, after the first was given up", () => {
      for (const port of deaf.attempts()) attempts.add(port);
      return attempts.size >= 2;
    });
    deaf.listen();

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal(pod.printed("main"), "content\n");
  });

  it("R12: is given growing pauses when it limits the rate of logs, and the step succeeds", async (t) => {
    const servers = await startServers(t);
    const log = { method: "PUT", key: /main\.log$/ };
    servers.store.addFault({ kind: "status", status: 503, code: "SlowDown", times: 2, match: log });
    servers.store.addFault({
      kind: "status",
      status: 429,
      code: "TooManyRequests",
      retryAfter: 1,
      times: 1,
      match: log,
    });

    const pod = await startPod(t, shell("echo said"), { servers });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.equal((await pod.stored("main-logs")).toString(), "said\n");
    const tries = servers.store.requests.filter(({ key }) => key?.endsWith("main.log"));
    assert.deepEqual(
      tries.filter(({ method }) => method === "PUT").map(({ status }) => status),
      [503, 503, 429, 200],
    );
    const pausesMs = tries.slice(1).map(({ atMs }, index) => atMs - (tries[index]?.atMs ?? 0));
    assert.ok((pausesMs[2] ?? 0) >= 1000, `after Retry-After: 1 it was asked again in ${pausesMs[2]} ms`);
  });

  it("S1: gives main no part of a folder whose listing fails half way", async (t) => {
    const servers = await startServers(t);
    for (const name of ["a", "b", "c"]) await putObject(servers, `folder/${name}`, name);
    servers.store.addFault({
      kind: "truncate",
      afterBytes: 300,
      match: { method: "GET", query: "list-type" },
    });
    const inputs = { artifacts: [{ name: "x", path: "/in/x", s3: { key: "folder" } }] };

    const pod = await startPod(t, shell("ls /in/x", { inputs }), { servers });

    assert.deepEqual(await pod.codes(), { init: 64 });
    assert.match(await pod.message("init"), /artifact x failed to load/);
  });

  it("R21: gets the bytes of the source and no wrapping of chunks, which not every S3 unwraps", async (t) => {
    const pod = await startPod(
      t,
      shell(
        "yes outrider | head -c 30000000 > /tmp/large; printf small > /tmp/small; mkdir /tmp/d; echo 1 > /tmp/d/1",
        {
          outputs: {
            artifacts: [
              { name: "large", path: "/tmp/large", archive: { none: {} } },
              { name: "small", path: "/tmp/small", archive: { none: {} } },
              { name: "d", path: "/tmp/d" },
            ],
          },
        },
      ),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const uploads = pod.servers.store.requests.filter(({ method }) => method === "PUT");
    assert.ok(uploads.length > 4, "the large one comes in parts");
    for (const { key, headers, bytes } of uploads) {
      const what = `${key}: ${JSON.stringify(headers)}`;
      assert.doesNotMatch(String(headers["x-amz-content-sha256"]), /^STREAMING/, what);
      assert.doesNotMatch(String(headers["content-encoding"]), /aws-chunked/, what);
      assert.equal(String(bytes), headers["content-length"], what);
    }
    const large = await pod.stored("large");
    assert.ok(large.equals(Buffer.alloc(30_000_000, "outrider\n")));
    assert.equal((await pod.stored("small")).toString(), "small");
  });
});

for (const isInitless of [false, true]) {
  const layout = isInitless ? "init-less" : "legacy";
  it(`R18: saves fresh data where an output equals an input's path, or lies below one (${layout})`, async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "folder/old", "old");
    await putObject(servers, "file", "old");
    const script =
      "cat /in/folder/old /in/file; echo fresh > /in/file; echo new > /in/folder/new; rm /in/folder/old; mkdir /in/folder/sub; echo deep > /in/folder/sub/deep";
    const template = shell(script, {
      inputs: {
        artifacts: [
          { name: "folder", path: "/in/folder", s3: { key: "folder" } },
          { name: "file", path: "/in/file", archive: { none: {} }, s3: { key: "file" } },
        ],
      },
      outputs: {
        parameters: [{ name: "file", valueFrom: { path: "/in/file" } }],
        artifacts: [
          { name: "folder", path: "/in/folder" },
          { name: "sub", path: "/in/folder/sub" },
          { name: "file", path: "/in/file" },
        ],
      },
    });

    const pod = await startPod(t, template, { servers, isInitless });

    const aux = isInitless ? { supervisor: 0 } : { init: 0, wait: 0 };
    assert.deepEqual(await pod.codes(), { ...aux, main: 0 });
    assert.equal(pod.printed("main"), "oldold\n");
    assert.deepEqual(await pod.unpacked("folder"), {
      folder: "/",
      "folder/new": "new\n",
      "folder/sub": "/",
      "folder/sub/deep": "deep\n",
    });
    assert.deepEqual(await pod.unpacked("sub"), { sub: "/", "sub/deep": "deep\n" });
    assert.deepEqual(await pod.unpacked("file"), { file: "fresh\n" });
    assert.deepEqual(pod.parameters(), { file: "fresh" });
  });
}
