import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { everything } from "../chaos/verdict.ts";
import { inputKey, type Layout } from "../chaos/workload.ts";
import { type ObjectServer, startObjectServer } from "../servers/object-server/index.ts";
import { ChaosPod, until } from "./chaos-pod.ts";
import { connectCluster } from "./connect.ts";

const kubeconfig = process.env.KUBECONFIG;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
assert.ok(kubeconfig, "KUBECONFIG must name the cluster that the pods run in");
const { kube, kubectl } = await connectCluster(kubeconfig);
after(() => kube[Symbol.asyncDispose]());
let count = 0;

/** A pod with a store of its own, which does what the test wants. */
async function start(
  t: TestContext,
  layout: Layout,
  prepare: (store: ObjectServer) => void = () => undefined,
) {
  const directory = mkdtempSync(join(tmpdir(), "outrider-chaos-"));
  const keys = { accessKey: "admin", secretKey: "password" };
  const store = await startObjectServer({ directory, ...keys });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });
  store.createBucket("my-bucket");
  const s3 = new S3Client({
    endpoint: store.url,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
  });
  await s3.send(new PutObjectCommand({ Bucket: "my-bucket", Key: inputKey, Body: "placed in the volume" }));
  s3.destroy();
  store.clearRequests();
  prepare(store);
  const name = `chaos-${Date.now().toString(36)}-${count++}`;
  const pod = await ChaosPod.start(layout, name, {
    kube,
    kubectl,
    kubeconfig: kubeconfig ?? "",
    image,
    store: store.endpoint,
  });
  return { pod, store };
}

const heldMs = 3_600_000;
const holdUpload = (store: ObjectServer) =>
  store.addFault({ kind: "delay", ms: heldMs, match: { method: "PUT", key: /base\.tgz$/ } });
const holdInput = (store: ObjectServer) =>
  store.addFault({ kind: "delay", ms: heldMs, match: { method: "GET", key: inputKey } });

async function untilUpload(store: ObjectServer): Promise<void> {
  await store.waitForRequest(({ key, method }) => method === "PUT" && /base\.tgz$/.test(key ?? ""));
}

async function killNode(pod: ChaosPod, container: string): Promise<void> {
  process.kill(await until(`Node in ${container}`, () => pod.node(container)), "SIGKILL");
}

async function killFirst(pod: ChaosPod, container: string): Promise<void> {
  const first = await until(`a process in ${container}`, async () => (await pod.processes(container))[0]);
  process.kill(first, "SIGKILL");
}

function isWatching(pid: number): boolean {
  const found = spawnSync("sh", ["-c", `cat /proc/${pid}/fdinfo/* 2>/dev/null`], { encoding: "utf8" });
  return found.stdout.includes("inotify");
}

function codes(ends: Readonly<Record<string, { readonly exitCode?: number }>>) {
  return Object.fromEntries(Object.entries(ends).map(([name, { exitCode }]) => [name, exitCode]));
}

describe("faults in a real kubelet", { concurrency: 2 }, () => {
  for (const layout of ["legacy", "init-less"] as const) {
    const aux = layout === "legacy" ? "wait" : "supervisor";
    const init = layout === "legacy" ? { init: 0 } : {};

    it(`${layout}: Node in ${aux} is killed during an upload, is started again, and everything is reported`, async (t) => {
      const { pod, store } = await start(t, layout, holdUpload);
      await pod.untilAsleep(aux);
      pod.openGate();
      await untilUpload(store);

      await killNode(pod, aux);
      store.clearFaults();

      assert.deepEqual(codes(await pod.end()), { ...init, main: 0, [aux]: 0 });
      assert.deepEqual(await pod.saved(), everything);
      assert.ok(await pod.isCompleted());
    });

    it(`${layout}: ${aux} is killed while it sleeps: main ends with its own code, and the pod with it`, async (t) => {
      const { pod } = await start(t, layout);
      await pod.untilAsleep(aux);

      await killFirst(pod, aux);
      pod.openGate();

      assert.deepEqual(codes(await pod.end()), { ...init, main: 0, [aux]: 137 });
    });

    it(`R1: ${layout}: main's first process is killed: what lies on volumes is saved, and the rest is named`, async (t) => {
      const { pod } = await start(t, layout);
      await pod.untilAsleep(aux);

      await killFirst(pod, "main");

      const ends = await pod.end();
      assert.deepEqual(codes(ends), { ...init, main: 137, [aux]: 64 });
      assert.match(ends[aux]?.message ?? "", /^main was killed.*: artifact base failed to save/);
      assert.deepEqual(await pod.saved(), ["out", "d", "main-logs"]);
      assert.ok(await pod.isCompleted());
    });

    it(`${layout}: the pod is deleted with 15 s of grace: what the step had made is reported`, async (t) => {
      const { pod } = await start(t, layout);
      await pod.untilAsleep(aux);

      await pod.delete(15);

      await until("the report", () => pod.isCompleted());
      assert.deepEqual(await pod.saved(), everything);
    });
  }

  it("init-less: the supervisor is killed before main: main says so within seconds", async (t) => {
    const { pod, store } = await start(t, "init-less", holdInput);
    await store.waitForRequest(({ key }) => key === inputKey);
    // It looks at the supervisor's lock as soon as it watches.
    await until("main's emissary", async () => (await pod.processes("main")).some((pid) => isWatching(pid)));

    await killFirst(pod, "supervisor");

    const ends = await pod.end();
    assert.deepEqual(codes(ends), { main: 65, supervisor: 137 });
    assert.equal(ends.main?.message, "supervisor died before it was ready");
  });

  it("legacy: Node in init is killed: the message names the memory limit", async (t) => {
    const { pod, store } = await start(t, "legacy", holdInput);
    await store.waitForRequest(({ key }) => key === inputKey);

    await killNode(pod, "init");

    const ends = await pod.end();
    assert.equal(ends.init?.exitCode, 137);
    assert.match(ends.init?.message ?? "", /^Node was killed by signal 9: .*memory limit/);
  });
});

describe("a real API server that is away", () => {
  it("S4: stands still for 10 s while main ends: everything is reported when it goes on", async (t) => {
    const { pod, store } = await start(t, "legacy");
    await pod.untilAsleep("wait");
    const server = Number(
      readFileSync(join(dirname(dirname(kubeconfig ?? "")), "log/apiserver.pid"), "utf8"),
    );

    process.kill(server, "SIGSTOP");
    try {
      pod.openGate();
      await untilUpload(store);
      await sleep(10_000);
    } finally {
      process.kill(server, "SIGCONT");
    }

    assert.deepEqual(codes(await pod.end()), { init: 0, main: 0, wait: 0 });
    assert.deepEqual(await pod.saved(), everything);
    assert.ok(await pod.isCompleted());
  });
});
