import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { shell, startPod, type TestPod, until } from "./desk.ts";

const shared = "/var/run/argo";
/** The step goes on when wait sleeps: no Node runs, and whatever it reads again it reads then. */
const gate = "until test -e /tmp/go; do sleep 0.02; done";

async function waitSleeps(pod: TestPod): Promise<void> {
  await pod.waitForState(() => true);
  const watches = () => {
    const folder = `/proc/${pod.container("wait").pid}/fdinfo`;
    try {
      return readdirSync(folder).some((fd) => /^inotify/m.test(readFileSync(`${folder}/${fd}`, "utf8")));
    } catch {
      // A descriptor was closed meanwhile.
      return false;
    }
  };
  await until("wait to sleep", watches);
  writeFileSync(pod.path("main", "/tmp/go"), "");
}

describe("a hostile step", { concurrency: 2 }, () => {
  it("cannot change the template that its outputs are saved by", async (t) => {
    const evil = JSON.stringify({
      name: "evil",
      container: {},
      outputs: { parameters: [{ name: "stolen", valueFrom: { path: "/none", default: "x" } }] },
    });
    const pod = await startPod(
      t,
      shell(`echo ok > /tmp/p; ${gate}; rm -f ${shared}/template; echo '${evil}' > ${shared}/template`, {
        outputs: { parameters: [{ name: "p", valueFrom: { path: "/tmp/p" } }] },
      }),
    );
    await waitSleeps(pod);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.parameters(), { p: "ok" });
  });

  it("gets no token of ours by a secret's name in a template that it has replaced", async (t) => {
    const { url, requests } = await startListener(t);
    const passwordSecret = { name: "../../var/run/secrets/k8s", key: "token" };
    const usernameSecret = { name: "my-minio-cred", key: "accesskey" };
    const evil = JSON.stringify({
      name: "evil",
      container: {},
      outputs: {
        artifacts: [{ name: "a", path: "/tmp/a", artifactory: { url, usernameSecret, passwordSecret } }],
      },
    });
    const outputs = { artifacts: [{ name: "a", path: "/tmp/a" }] };
    const pod = await startPod(
      t,
      shell(`echo ok > /tmp/a; ${gate}; rm -f ${shared}/template; echo '${evil}' > ${shared}/template`, {
        outputs,
      }),
    );
    const token = pod.path("wait", "/var/run/secrets/k8s/token");
    mkdirSync(dirname(token), { recursive: true });
    writeFileSync(token, "the token of the service account");
    await waitSleeps(pod);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 }, await pod.message("wait"));
    assert.deepEqual(pod.saved(), ["a", "main-logs"]);
    assert.deepEqual(requests, []);
  });

  it("gets no token of ours by a secret's name in a template of its own", async (t) => {
    const { url, requests } = await startListener(t);
    for (const name of ["../../var/run/secrets/k8s", "..", "a/b"]) {
      const artifactory = {
        url,
        usernameSecret: { name, key: "token" },
        passwordSecret: { name, key: "token" },
      };
      const inputs = { artifacts: [{ name: "a", path: "/tmp/a", artifactory }] };
      // The controller would mount a secret of that name; what it cannot mount is in the template all the same.
      const own = JSON.stringify({ name: "own", container: {}, inputs });

      const pod = await startPod(t, shell("true"), { executorEnv: { ARGO_TEMPLATE: own } });

      assert.deepEqual(await pod.codes(), { init: 64 }, name);
      assert.match(await pod.message("init"), /the name of a secret selector must be letters, digits/);
    }
    assert.deepEqual(requests, []);
  });

  it("gets no file of ours as its result through a link at stdout", async (t) => {
    const pod = await startPod(
      t,
      shell(`rm -f ${shared}/ctr/main/stdout; ln -s /etc/passwd ${shared}/ctr/main/stdout; echo done`),
      { readsResult: true },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.equal(pod.outputs().result, undefined);
    assert.match(await pod.message("wait"), /the script result could not be read: .*must leave .* alone/);
    assert.ok(pod.isCompleted());
  });

  it("does not hang us with FIFOs at stdout and at the progress file", async (t) => {
    const pod = await startPod(
      t,
      shell(
        `rm -f ${shared}/ctr/main/stdout ${shared}/progress; mkfifo ${shared}/ctr/main/stdout ${shared}/progress; echo done`,
      ),
      { readsResult: true, progressTick: "50ms" },
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 0 });
    assert.ok(pod.isCompleted());
  });

  for (const what of ["mkfifo", "mkdir -p"]) {
    it(`does not switch the deadline off (${what} in the signal file's place)`, async (t) => {
      const pod = await startPod(
        t,
        shell(
          `rm -rf ${shared}/ctr/main/signal; ${what} ${shared}/ctr/main/signal; echo going; exec sleep 60`,
        ),
        { deadlineMs: Date.now() + 4000, gracePeriodSeconds: 5 },
      );

      assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 143 });
      assert.match(await pod.message("wait"), /Step exceeded its deadline/);
    });
  }

  it("does not speak through our messages by its exit code", async (t) => {
    const pod = await startPod(
      t,
      shell(`echo going; sleep 60`, { outputs: { artifacts: [{ name: "a", path: "/tmp/a" }] } }),
    );
    await until("main", () => pod.printed("main") !== "");
    await pod.waitForState(() => true);
    writeFileSync(pod.path("main", `${shared}/ctr/main/exitcode`), "0 <b>click here</b>");

    pod.container("main").signal("SIGKILL");

    assert.deepEqual(await pod.codes(), { init: 0, wait: 64, main: 137 });
    assert.doesNotMatch(await pod.message("wait"), /click/);
  });

  it("loses no outputs by 200 kB of progress in one line", async (t) => {
    const pod = await startPod(
      t,
      shell(
        `${gate}; head -c 200000 /dev/zero | tr '\\0' x > ${shared}/progress; echo ok > /tmp/p; sleep 1; echo >> ${shared}/progress; echo 3/4 >> ${shared}/progress; sleep 0.5`,
        { outputs: { parameters: [{ name: "p", valueFrom: { path: "/tmp/p" } }] } },
      ),
      { progressTick: "50ms" },
    );
    await waitSleeps(pod);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.parameters(), { p: "ok" });
    assert.equal(pod.taskResult()?.progress, "3/4");
  });

  it("leaves nothing running that could change its outputs while they are saved", async (t) => {
    const leftover = `until test -e ${shared}/ctr/main/exitcode; do :; done; while :; do echo evil > /tmp/q; done`;
    const pod = await startPod(
      t,
      shell(`(setsid sh -c '${leftover}' &); sleep 0.3; echo 1 > /tmp/q`, {
        outputs: { parameters: [{ name: "q", valueFrom: { path: "/tmp/q" } }] },
      }),
    );

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(pod.parameters(), { q: "1" });
  });
});

/** The step's own server. */
async function startListener(t: TestContext): Promise<{ url: string; requests: readonly string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.headers.authorization ?? ""}`);
    request.resume().on("end", () => response.writeHead(201).end());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`, requests };
}
