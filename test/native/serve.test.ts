import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { OutputsClient } from "./outputs-client.ts";
import { isSanitized, Pod, type Running, residentKiB, sh, until } from "./program.ts";

/** A main container whose command has ended and which serves these paths. */
async function serve(pod: Pod, paths: readonly string[]): Promise<[Running, OutputsClient]> {
  pod.plan("main", "collector wait", ...paths.map((path) => `output ${path}`));
  const emissary = pod.emissary(sh("exit 3"));
  return [emissary, await OutputsClient.open(pod)];
}

describe("outputs socket", () => {
  it("listens when the exit code appears, open to every user, and ends with the user's code on release", async (t) => {
    const pod = new Pod(t);
    const [emissary, client] = await serve(pod, [pod.path("out")]);

    assert.equal(pod.verdict(), "3");
    assert.equal(statSync(pod.container("main", "outputs")).mode & 0o777, 0o666);
    assert.equal((await client.ask("release")).error, undefined);

    assert.equal((await emissary.exited).code, 3);
  });

  it("stays until it is released even if there is nothing to serve", async (t) => {
    const pod = new Pod(t);
    const [emissary, client] = await serve(pod, []);

    assert.equal(existsSync(pod.container("main", "exitcode")), true);
    await client.ask("release");

    assert.equal((await emissary.exited).code, 3);
    assert.equal(existsSync(pod.container("main", "outputs")), false);
  });

  it("does not exist for a command that could not be started, nor without a collector", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("data", "no program");
    chmodSync(file, 0o755);
    pod.plan("main", "collector wait", `output ${file}`);

    assert.equal((await pod.run([file])).code, 64);
    pod.plan("main", `output ${file}`);
    await pod.run(["true"]);

    assert.equal(existsSync(pod.container("main", "outputs")), false);
  });

  it("tells what a path is", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("file", "12345");
    chmodSync(file, 0o4755);
    utimesSync(file, 1_700_000_000, 1_700_000_000.25);
    const folder = pod.path("folder");
    mkdirSync(folder);
    const fifo = pod.path("fifo");
    spawnSync("mkfifo", [fifo]);
    const link = pod.path("link");
    symlinkSync(file, link);
    const dangling = pod.path("dangling");
    symlinkSync("/no/such", dangling);
    const [, client] = await serve(pod, [file, folder, fifo, link, dangling, `${file}/below`]);

    assert.equal((await client.ask(`stat ${file}`)).status, "file 5 1700000000250 4755");
    assert.equal((await client.ask(`stat ${link}`)).status, "file 5 1700000000250 4755");
    assert.match((await client.ask(`stat ${folder}`)).status ?? "", /^directory - \d+ \d+$/);
    assert.equal((await client.ask(`stat ${fifo}`)).status, "other");
    assert.equal((await client.ask(`stat ${dangling}`)).status, "missing");
    assert.equal((await client.ask(`stat ${file}/below`)).status, "missing");
  });

  it("reads ranges of a file, small and large", async (t) => {
    const pod = new Pod(t);
    const content = Buffer.alloc(3_500_000, "0123456789abcde\n");
    const file = pod.path("big file");
    writeFileSync(file, content);
    const encoded = file.replace(" ", "%20");
    const [, client] = await serve(pod, [encoded]);

    const whole = await client.ask(`read ${encoded} 0 9000000000`);
    const part = await client.ask(`read ${encoded} 1000001 2000000`);
    const few = await client.ask(`read ${encoded} 5 3`);
    const beyond = await client.ask(`read ${encoded} 4000000 10`);

    assert.ok(whole.data.equals(content));
    assert.match(whole.status ?? "", /^file 3500000 /);
    assert.ok(part.data.equals(content.subarray(1_000_001, 3_000_001)));
    assert.equal(few.data.toString(), "567");
    assert.equal(beyond.data.length, 0);
    assert.equal(beyond.error, undefined);
  });

  it("goes on after a request that failed, and names the path", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("file", "x");
    const gone = pod.path("gone");
    const [, client] = await serve(pod, [file, gone, pod.root]);

    assert.equal((await client.ask(`read ${gone} 0 10`)).error, `stat ${gone}: no such file or directory`);
    assert.equal((await client.ask(`tar ${gone}`)).error, `stat ${gone}: no such file or directory`);
    assert.equal((await client.ask(`read ${pod.root} 0 10`)).error, `${pod.root} is not a regular file`);
    assert.equal(
      (await client.ask("tar /etc/passwd")).error,
      "/etc/passwd is not an output of this container",
    );
    for (const bad of [
      "",
      "nonsense",
      "read",
      `read ${file} x 1`,
      `read ${file} 0 1 2`,
      "stat %0",
      "tar a b",
      "release now",
    ]) {
      assert.match((await client.ask(bad)).error ?? "", /^not a request/, bad);
    }
    assert.equal((await client.ask(`read ${file} 0 1`)).data.toString(), "x");
  });

  it("answers several connections and requests that arrive in pieces", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("file", "content");
    const [, first] = await serve(pod, [file]);
    const second = await OutputsClient.open(pod);

    first.send(`read ${file.slice(0, 3)}`);
    const other = await second.ask(`read ${file} 0 7`);
    const own = await first.ask(`${file.slice(3)} 0 7`);

    assert.equal(other.data.toString(), "content");
    assert.equal(own.data.toString(), "content");
  });

  it("S12: sends a file that grows as it was when it was opened", async (t) => {
    const pod = new Pod(t);
    const file = pod.path("growing");
    writeFileSync(file, Buffer.alloc(8 << 20, "a"));
    const [, client] = await serve(pod, [file]);

    const answer = client.ask(`read ${file} 0 99999999`);
    appendFileSync(file, "more");

    const { data, status, error } = await answer;
    assert.equal(error, undefined);
    assert.equal(data.length, Number(status?.split(" ")[1]));
  });

  it("S12: fails when a file shrinks while it is read", async (t) => {
    const pod = new Pod(t);
    const file = pod.path("shrinking");
    writeFileSync(file, "");
    truncateSync(file, 256 << 20);
    pod.plan("main", "collector wait", `output ${file}`);
    pod.emissary(["true"]);
    const client = await OutputsClient.open(pod);

    // The answer does not fit into the socket's buffers, so most of it is read after this.
    const { error, data } = await client.ask(`read ${file} 0 ${256 << 20}`, () =>
      truncateSync(file, 1 << 20),
    );

    assert.match(error ?? "", /^\S+shrinking became shorter by \d+ bytes while it was read$/);
    assert.ok(data.length < 256 << 20);
  });

  it("R36: a file that cannot be read fails by name", {
    skip: process.getuid?.() === 0 ? "root reads everything" : false,
  }, async (t) => {
    const pod = new Pod(t);
    const file = pod.write("secret", "x");
    chmodSync(file, 0);
    const [, client] = await serve(pod, [file]);

    assert.equal((await client.ask(`read ${file} 0 1`)).error, `open ${file}: permission denied`);
  });

  it("stops serving 5 s after the collector died", { timeout: 30_000 }, async (t) => {
    const pod = new Pod(t);
    const [emissary] = await serve(pod, [pod.path("out")]);
    const collector = pod.emissary(["sleep", "60"], { container: "wait" });
    await until("the collector's lock", () => existsSync(pod.container("wait", "lock")));

    const began = performance.now();
    collector.kill("SIGKILL");
    const exit = await emissary.exited;

    assert.equal(exit.code, 3);
    assert.match(exit.stderr, /the collecting container is gone/);
    const elapsed = performance.now() - began;
    assert.ok(elapsed > 4500 && elapsed < 9000, `${elapsed} ms`);
  });

  it("stops serving 2 s before the grace period is over", async (t) => {
    const pod = new Pod(t);
    pod.plan("main", "collector wait", `output ${pod.path("out")}`);
    const emissary = pod.emissary(sh("exit 3"), { env: { ARGO_TERMINATION_GRACE_PERIOD_SECONDS: "3" } });
    const client = await OutputsClient.open(pod);

    emissary.kill("SIGTERM");

    const exit = await emissary.exited;
    assert.equal(exit.code, 3);
    assert.match(exit.stderr, /being terminated/);
    client.close();
  });

  it("goes on serving when a signal is left by file", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("file", "x");
    const [, client] = await serve(pod, [file]);

    pod.signalByFile("main", 9);
    await until("the signal", () => !existsSync(pod.container("main", "signal")));

    assert.equal((await client.ask(`read ${file} 0 1`)).data.toString(), "x");
  });

  it("keeps no lock in the processes that serve", async (t) => {
    const pod = new Pod(t);
    const [emissary, client] = await serve(pod, [pod.path("out")]);
    await client.ask(`stat ${pod.path("out")}`);

    emissary.kill("SIGKILL");
    await emissary.exited;

    const lock = spawnSync("flock", ["-n", pod.container("main", "lock"), "true"]);
    assert.ok(lock.error !== undefined || lock.status === 0);
  });

  it("does not follow a FIFO, a device or a socket given as the path", async (t) => {
    const pod = new Pod(t);
    const fifo = pod.path("fifo");
    spawnSync("mkfifo", [fifo]);
    const socket = pod.path("s");
    const server = createServer().listen(socket);
    t.after(() => server.close());
    await until("the socket", () => existsSync(socket));
    const [, client] = await serve(pod, [fifo, socket, "/dev/null"]);

    for (const path of [fifo, socket, "/dev/null"]) {
      assert.equal((await client.ask(`stat ${path}`)).status, "other");
      assert.equal((await client.ask(`read ${path} 0 1`)).error, `${path} is not a regular file`);
      assert.equal((await client.ask(`tar ${path}`)).error, `${path} is not a regular file or directory`);
    }
  });

  it("stays small while it serves", { skip: isSanitized }, async (t) => {
    const pod = new Pod(t);
    const [emissary, client] = await serve(pod, [pod.path("out")]);
    await client.ask(`stat ${pod.path("out")}`);

    assert.ok(residentKiB(emissary.pid) <= 1536);
  });
});
