import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { getObject, shell, startPod, startServers, storedKeys } from "./desk.ts";

/** A step that prints 500,000 lines of 9 bytes where a quarter of 4 MiB may lie on the volume, in pieces of 128 KiB. */
const limits = { "ephemeral-storage": "4Mi" };
const lines = 500_000;
const whole = Array.from({ length: lines }, (_, index) => `${String(index + 1).padStart(8, "0")}\n`).join("");
const chatty = (after = "") =>
  shell(`seq -f %08.0f ${lines}${after}`, { container: { resources: { limits } } });
const partKey = /main\.log\.from-\d+$/;

const keptPattern = /^argoexec: the first (\d+) bytes of this log were left out .*\n/;

describe("the log of a step that prints more than its share of the ephemeral storage", () => {
  it("R32: is saved whole: what is over goes to the store while the step runs, and nothing but the log is left there", async (t) => {
    const pod = await startPod(t, chatty());

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.ok((await pod.stored("main-logs")).equals(Buffer.from(whole)), "the log is what the step printed");
    assert.deepEqual(pod.saved(), ["main-logs"]);
    const spooled = pod.servers.store.requests.filter(
      ({ method, key }) => method === "PUT" && partKey.test(key ?? ""),
    );
    assert.ok(spooled.length > 2, `${spooled.length} parts`);
    assert.deepEqual(
      (await storedKeys(pod.servers)).filter((key) => partKey.test(key)),
      [],
    );
  });

  it("R32: is saved whole by the supervisor, too", async (t) => {
    const pod = await startPod(t, chatty(), { isInitless: true });

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0 });
    assert.ok((await pod.stored("main-logs")).equals(Buffer.from(whole)), "the log is what the step printed");
  });

  it("R32: is whole for each member of a container set", async (t) => {
    const member = (name: string) => ({
      name,
      image: "busybox",
      command: ["sh", "-c"],
      args: [`seq -f ${name}%04.0f 300000`],
      resources: { limits },
    });
    const pod = await startPod(t, { containerSet: { containers: [member("main"), member("post")] } });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0, post: 0 });
    for (const name of ["main", "post"]) {
      const text = (await pod.stored(`${name}-logs`)).toString();
      const printed = text.trimEnd().split("\n");
      assert.equal(printed.length, 300_000);
      assert.ok(printed.every((line, index) => line === `${name}${String(index + 1).padStart(4, "0")}`));
    }
  });

  it("R32: loses its oldest lines, and says how many, where the store refuses what is taken meanwhile", async (t) => {
    const servers = await startServers(t);
    servers.store.addFault({
      match: { method: "PUT", key: partKey },
      kind: "status",
      status: 403,
      code: "AccessDenied",
    });
    const pod = await startPod(t, chatty(), { servers });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const log = (await pod.stored("main-logs")).toString();
    const [notice = "", leftOut] = keptPattern.exec(log) ?? [];
    assert.equal(Number(leftOut) + log.length - notice.length, whole.length);
    assert.ok(log.length <= 2 ** 20 + 2 ** 18 + notice.length, `${log.length} bytes were kept`);
    assert.ok(whole.endsWith(log.slice(notice.length)));
    assert.match(pod.log("wait"), /can no longer be taken to the store while the step runs.*AccessDenied/);
  });

  it("R32: is cut as before where what is stored cannot be read back, and no piece is left", async (t) => {
    const servers = await startServers(t);
    servers.store.addFault({ match: { method: "HEAD", key: partKey }, kind: "status", status: 403 });
    const pod = await startPod(t, chatty(), { servers });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.match((await pod.stored("main-logs")).toString(), keptPattern);
    assert.match(pod.log("wait"), /can no longer be taken to the store.*what is stored cannot be read back/);
    const keys = await storedKeys(servers);
    assert.deepEqual(
      keys.map((key) => key.split("/").at(-1)),
      ["main.log"],
    );
  });

  it("R32: is saved from where it can be read, and says where the rest is, should the store refuse it at the end", async (t) => {
    const servers = await startServers(t);
    servers.store.addFault({ match: { method: "GET", key: partKey }, kind: "status", status: 403 });
    const pod = await startPod(t, chatty(), { servers });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const log = (await pod.stored("main-logs")).toString();
    const [notice = "", first] =
      /^argoexec: the first (\d+) bytes of this log could not be read back .* in main\.log\.from-\*\n/.exec(
        log,
      ) ?? [];
    assert.equal(log.slice(notice.length), whole.slice(Number(first)));
    servers.store.clearFaults();
    const parts = (await storedKeys(servers)).filter((key) => partKey.test(key));
    const starts = parts
      .map((key) => [Number(key.split("-").at(-1)), key] as const)
      .sort(([a], [b]) => a - b);
    const texts = await Promise.all(starts.map(([, key]) => getObject(servers, key)));
    assert.equal(Buffer.concat(texts).toString(), whole.slice(0, Number(first)));
  });

  it("R32: is whole although the store was away for a moment", async (t) => {
    const servers = await startServers(t);
    servers.store.addFault({ match: { method: "PUT", key: partKey }, kind: "reset", times: 7 });
    const pod = await startPod(t, chatty(), {
      servers,
      executorEnv: { EXECUTOR_RETRY_BACKOFF_DURATION: "10ms", EXECUTOR_RETRY_BACKOFF_STEPS: "3" },
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.ok((await pod.stored("main-logs")).equals(Buffer.from(whole)), "the log is what the step printed");
  });

  it("R32: a step that replaces pieces of its log by links gets none of ours, and loses only its log", async (t) => {
    const attack = [
      "cd $ARGOEXEC_ROOT/var/run/argo/ctr/main",
      "ln -sf /etc/passwd combined",
      // What is looked at before a piece is taken: its successor, and enough of them.
      ": > combined.131072; : > combined.524288",
      "until test -e spool-ended; do sleep 0.05; done",
    ];
    const pod = await startPod(t, shell(attack.join("\n"), { container: { resources: { limits } } }));

    const codes = await pod.codes();

    assert.deepEqual([codes.main, codes.wait], [0, 64]);
    assert.match(
      pod.log("wait"),
      /can no longer be taken to the store.*a step must leave \/var\/run\/argo alone/,
    );
    assert.deepEqual(await storedKeys(pod.servers), []);
  });

  it("R32: a TERM while the store takes its time ends the pod in time, and the end of the log is saved", async (t) => {
    const servers = await startServers(t);
    // No part is ever answered.
    servers.store.addFault({ match: { method: "PUT", key: partKey }, kind: "stall", ms: 3_600_000 });
    const pod = await startPod(t, chatty("; echo last words; exit 3"), { servers, gracePeriodSeconds: 20 });
    await servers.store.waitForRequest(({ method, key }) => method === "PUT" && partKey.test(key ?? ""));

    void pod.desk.stop();

    const codes = await pod.codes();
    assert.equal(codes.wait, 0);
    assert.notEqual(codes.main, 0);
    const log = (await pod.stored("main-logs")).toString();
    assert.ok(log.length > 2 ** 19, `${log.length} bytes were kept`);
  });
});
