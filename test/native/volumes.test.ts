import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { OutputsClient } from "./outputs-client.ts";
import { Pod, program, residentKiB, sh, until } from "./program.ts";

const secret = "the token of the executor's service account";

/** What a collector has mounted of main: volumes below `mainctrfs`, its own secret beside it. */
function serveVolumes(t: TestContext, pod: Pod, ...flags: string[]): OutputsClient {
  pod.write("secret", secret);
  mkdirSync(pod.path("mainctrfs/work"), { recursive: true });
  const inputs = pod.path("argo/inputs/artifacts");
  const args = ["serve-files", "--root", pod.path("mainctrfs"), "--inputs", inputs, ...flags];
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  return OutputsClient.overPair(child.stdio[3] as Socket);
}

describe("files of a volume", () => {
  it("are served as main calls them, files and folders", async (t) => {
    const pod = new Pod(t);
    const client = serveVolumes(t, pod);
    pod.write("mainctrfs/work/out/a", "hello");
    pod.write("mainctrfs/work/out/b/c", "12");

    assert.match((await client.ask("stat /work/out/a")).status ?? "", /^file 5 /);
    assert.equal((await client.ask("read /work/out/a 1 3")).data.toString(), "ell");
    const tree = await client.ask("tree /work/out 4");
    assert.deepEqual(tree.names, ["file 5 a", "file 2 b/c"]);
    assert.equal(tree.data.toString(), "12");
    const tar = await client.ask("tar /work/out");
    const names = spawnSync("tar", ["-tf", "-"], { input: tar.data, encoding: "utf8" }).stdout;
    assert.deepEqual(names.trim().split("\n"), ["out", "out/a", "out/b", "out/b/c"]);
    assert.equal((await client.ask("stat /work/none")).status, "missing");
  });

  it("are followed through relative links, and absolute ones where main follows them", async (t) => {
    const pod = new Pod(t);
    const client = serveVolumes(t, pod);
    pod.write("mainctrfs/work/run-3/model", "m");
    symlinkSync("run-3", pod.path("mainctrfs/work/latest"));
    symlinkSync("/work/run-3", pod.path("mainctrfs/work/absolute"));
    symlinkSync("../../../work/./run-3/../run-3/model", pod.path("mainctrfs/work/climbing"));

    for (const path of ["latest/model", "absolute/model", "climbing"]) {
      assert.equal((await client.ask(`read /work/${path} 0 9`)).data.toString(), "m", path);
    }
  });

  it("never include the collector's own, whatever a link says", async (t) => {
    const pod = new Pod(t);
    const client = serveVolumes(t, pod);
    const work = pod.path("mainctrfs/work");
    symlinkSync(pod.path("secret"), join(work, "absolute"));
    symlinkSync("../../secret", join(work, "relative"));
    symlinkSync("../..", join(work, "up"));
    symlinkSync("/proc/self/root", join(work, "magic"));
    symlinkSync("absolute", join(work, "twice"));
    symlinkSync("circle", join(work, "circle"));

    for (const path of ["absolute", "relative", "up/secret", `magic${pod.path("secret")}`, "twice"]) {
      for (const line of [`stat /work/${path}`, `read /work/${path} 0 99`, `tar /work/${path}`]) {
        const answer = await client.ask(line);
        assert.ok(!answer.data.includes("token"), line);
        assert.ok(answer.status === "missing" || answer.status === undefined, `${line}: ${answer.status}`);
      }
    }
    assert.match(
      (await client.ask("stat /work/absolute")).error ?? "",
      /leads out of the volumes of the step/,
    );
    assert.match((await client.ask("stat /work/circle")).error ?? "", /symbolic link/);
    assert.equal((await client.ask("stat /../../secret")).status, undefined);
  });

  it("never include the collector's own, while folders and links are swapped under the walk", async (t) => {
    const pod = new Pod(t);
    const client = serveVolumes(t, pod);
    const out = pod.path("mainctrfs/work/out");
    pod.write("mainctrfs/work/out/d/secret", "harmless");
    symlinkSync(pod.root, join(out, "l"));
    const swap = sh(
      'while :; do mv "$1/d" "$1/x"; mv "$1/l" "$1/d"; mv "$1/d" "$1/l"; mv "$1/x" "$1/d"; done',
      out,
    );
    const swapper = spawn(swap[0] ?? "", swap.slice(1), { stdio: "ignore" });
    t.after(() => swapper.kill("SIGKILL"));

    let walks = 0;
    for (let round = 0; round < 300; round++) {
      for (const line of ["tar /work/out", "tree /work/out 9999", "read /work/out/d/secret 0 99"]) {
        const answer = await client.ask(line);
        assert.ok(!answer.data.includes("token"), line);
        walks += answer.data.includes("harmless") ? 1 : 0;
      }
    }
    assert.ok(walks > 0, "nothing was ever read");
  });

  it("are not waited for where they are FIFOs, and devices are not opened", async (t) => {
    const pod = new Pod(t);
    const client = serveVolumes(t, pod);
    spawnSync("mkfifo", [pod.path("mainctrfs/work/fifo")]);

    assert.equal((await client.ask("stat /work/fifo")).status, "other");
    assert.match((await client.ask("read /work/fifo 0 9")).error ?? "", /not a regular file/);
    assert.deepEqual((await client.ask("tree /work 9")).names, ["fifo fifo"]);
  });

  it("follow a link to an input artifact, but not out of the inputs", async (t) => {
    const pod = new Pod(t);
    const client = serveVolumes(t, pod);
    const inputs = pod.path("argo/inputs/artifacts");
    pod.write("argo/inputs/artifacts/in", "input");
    symlinkSync(pod.path("secret"), join(inputs, "evil"));
    symlinkSync("../../../secret", join(inputs, "climbing"));
    for (const name of ["in", "evil", "climbing"]) {
      symlinkSync(join(inputs, name), pod.path("mainctrfs/work", name));
    }
    symlinkSync(`${inputs}/../../../secret`, pod.path("mainctrfs/work/dots"));

    const { names, data } = await client.ask("tree /work 99");

    assert.deepEqual(names, ["symlink climbing", "symlink dots", "symlink evil", "file 5 in"]);
    assert.equal(data.toString(), "input");
  });

  it("are found behind the links that volumes are on a desk, named by --mount", async (t) => {
    const pod = new Pod(t);
    pod.write("volume/out", "on a volume");
    mkdirSync(pod.path("mainctrfs"), { recursive: true });
    symlinkSync(pod.path("volume"), pod.path("mainctrfs/data"));
    const client = serveVolumes(t, pod, "--mount", "/data");

    assert.equal((await client.ask("read /data/out 0 99")).data.toString(), "on a volume");
  });

  it("say when one becomes shorter, and serve what comes next all the same", async (t) => {
    const pod = new Pod(t);
    const client = serveVolumes(t, pod);
    writeFileSync(pod.path("mainctrfs/work/big"), Buffer.alloc(8 << 20));

    const answer = await client.ask("read /work/big 0 8388608", () =>
      writeFileSync(pod.path("mainctrfs/work/big"), ""),
    );

    assert.match(answer.error ?? "", /became shorter/);
    assert.match((await client.ask("stat /work/big")).status ?? "", /^file 0 /);
  });

  it("end with the collector", async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.path("mainctrfs"), { recursive: true });
    const args = ["serve-files", "--root", pod.path("mainctrfs"), "--inputs", pod.path("none")];
    const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
    const exited = new Promise((done) => child.on("exit", done));
    const pid = child.pid ?? -1;
    await until("the program", () => residentKiB(pid) > 0);

    (child.stdio[3] as Socket).destroy();

    assert.equal(await exited, 0);
  });
});
