import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { Parser, type ReadEntry } from "tar";
import { type Answer, OutputsClient } from "./outputs-client.ts";
import { hasProgram, isSanitized, Pod, until } from "./program.ts";

async function tarOf(pod: Pod, path: string, env: Record<string, string> = {}): Promise<Answer> {
  pod.plan("main", "collector wait", `output ${encodeURIComponent(path).replaceAll("%2F", "/")}`);
  const emissary = pod.emissary(["true"], { env });
  const client = await OutputsClient.open(pod);
  const answer = await client.ask(`tar ${encodeURIComponent(path).replaceAll("%2F", "/")}`);
  await client.ask("release");
  await emissary.exited;
  return answer;
}

interface Entry {
  readonly path: string;
  readonly type: string;
  readonly mode: number | undefined;
  readonly size: number;
  readonly mtime: number;
  readonly uid: number | undefined;
  readonly uname: string | undefined;
  readonly linkpath: string | undefined;
  readonly content: string;
}

/** Reads an archive with the `tar` package. */
async function entriesOf(archive: Buffer): Promise<Entry[]> {
  const entries: Promise<Entry>[] = [];
  const parser = new Parser({ strict: true, onReadEntry: (entry) => entries.push(readEntry(entry)) });
  const ended = new Promise((done, failed) => parser.on("end", done).on("error", failed));
  parser.end(archive);
  await ended;
  return Promise.all(entries);
}

async function readEntry(entry: ReadEntry): Promise<Entry> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  const { path, type, mode, size, uid, uname, linkpath, mtime } = entry;
  const content = Buffer.concat(chunks).toString();
  return { path, type, mode, size, uid, uname, linkpath, mtime: (mtime?.getTime() ?? 0) / 1000, content };
}

function listWith(t: TestContext, program: string, archive: Buffer): string[] | undefined {
  if (!hasProgram(program, "--version")) {
    t.diagnostic(`${program} is not installed: left out`);
    return undefined;
  }
  const result = spawnSync(program, ["-tf", "-"], {
    input: archive,
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  });
  assert.equal(result.status, 0, result.stderr.toString());
  return result.stdout.toString().trim().split("\n");
}

describe("tar stream", () => {
  it("holds a single file under its base name", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("dir/file.txt", "hello");
    chmodSync(file, 0o4640);
    utimesSync(file, 1_700_000_000, 1_700_000_000.6);

    const [entry, ...rest] = await entriesOf((await tarOf(pod, file)).data);

    assert.deepEqual(rest, []);
    assert.equal(entry?.path, "file.txt");
    assert.equal(entry?.type, "File");
    assert.equal(entry?.content, "hello");
    assert.equal(entry?.mode, 0o4640);
    assert.equal(entry?.mtime, 1_700_000_001);
    assert.equal(entry?.uid, process.getuid?.());
  });

  it("names the user from the container's passwd file", async (t) => {
    const pod = new Pod(t);
    const file = pod.write("file", "x");
    const name = spawnSync("id", ["-un"], { encoding: "utf8" }).stdout.trim();

    const [entry] = await entriesOf((await tarOf(pod, file)).data);

    assert.equal(entry?.uname ?? "", /^\d*$/.test(name) ? "" : name);
  });

  it("holds a folder depth first, sorted by bytes, without trailing slashes", async (t) => {
    const pod = new Pod(t);
    for (const name of ["out/b/2", "out/b/10", "out/a", "out/B", "out/ä", "out/b.txt"]) pod.write(name, name);
    mkdirSync(pod.path("out/empty"));
    symlinkSync("../elsewhere", pod.path("out/link"));
    linkSync(pod.path("out/a"), pod.path("out/hard"));

    const { data } = await tarOf(pod, pod.path("out"));

    const entries = await entriesOf(data);
    const names = [
      "out",
      "out/B",
      "out/a",
      "out/b",
      "out/b/10",
      "out/b/2",
      "out/b.txt",
      "out/empty",
      "out/hard",
      "out/link",
      "out/ä",
    ];
    assert.deepEqual(
      entries.map(({ path }) => path.replace(/\/$/, "")),
      names,
    );
    assert.equal(entries.find(({ path }) => path === "out/hard")?.content, "out/a");
    assert.equal(entries.find(({ path }) => path === "out/link")?.linkpath, "../elsewhere");
    assert.equal(entries.find(({ path }) => path === "out/link")?.mode, 0o777);
    assert.ok(!data.subarray(0, 100).toString("latin1").includes("out/"));
    for (const program of ["tar", "bsdtar"]) {
      const listed = listWith(t, program, data);
      if (listed !== undefined)
        assert.deepEqual(
          listed.map((line) => line.replace(/\/$/, "").replaceAll("\\303\\244", "ä")),
          names,
        );
    }
  });

  it("writes long and foreign names, large sizes and old times as PAX records", async (t) => {
    const pod = new Pod(t);
    const long = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(60)}`;
    const longest = `${"x".repeat(200)}/${"y".repeat(200)}`;
    pod.write(join("out", long), "long");
    pod.write(join("out", longest), "longest");
    pod.write("out/ünï", "foreign");
    symlinkSync("t".repeat(150), pod.path("out/z"));
    utimesSync(pod.path("out/ünï"), new Date(-1_000_000), new Date(-1_000_000));

    const { data } = await tarOf(pod, pod.path("out"));

    const entries = await entriesOf(data);
    assert.equal(entries.find(({ path }) => path === `out/${long}`)?.content, "long");
    assert.equal(entries.find(({ path }) => path === `out/${longest}`)?.content, "longest");
    assert.equal(entries.find(({ path }) => path === "out/ünï")?.mtime, -1000);
    assert.equal(entries.find(({ path }) => path === "out/z")?.linkpath, "t".repeat(150));
    const listed = listWith(t, "tar", data);
    if (listed !== undefined) assert.ok(listed.includes(`out/${longest}`));
  });

  it("expands sparse files and streams large ones", async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.path("out"));
    writeFileSync(pod.path("out/sparse"), "");
    truncateSync(pod.path("out/sparse"), 5_000_001);
    pod.write("out/tail", "after");

    const entries = await entriesOf((await tarOf(pod, pod.path("out"))).data);

    assert.deepEqual(
      entries.map(({ size }) => size),
      [0, 5_000_001, 5],
    );
    assert.equal(entries[2]?.content, "after");
  });

  it("resolves a path that is itself a link, and names the entry after the path", async (t) => {
    const pod = new Pod(t);
    pod.write("real/file", "x");
    symlinkSync(pod.path("real"), pod.path("link"));

    const entries = await entriesOf((await tarOf(pod, pod.path("link"))).data);

    assert.deepEqual(
      entries.map(({ path }) => path.replace(/\/$/, "")),
      ["link", "link/file"],
    );
  });

  it("stores the data of input artifacts that were linked into an output, but follows no other link", async (t) => {
    const pod = new Pod(t);
    const input = pod.write("argo/inputs/artifacts/src/file", "data");
    symlinkSync(pod.path("argo/inputs/artifacts"), pod.path("argo/inputs/artifacts/src/loop"));
    pod.write("out/own", "x");
    symlinkSync(pod.path("argo/inputs/artifacts/src"), pod.path("out/in"));
    symlinkSync(input, pod.path("out/one"));
    symlinkSync(pod.path("argo/inputs/artifacts/none"), pod.path("out/zero"));

    const entries = await entriesOf((await tarOf(pod, pod.path("out"))).data);

    const kinds = entries.map(({ path, type }) => `${path.replace(/\/$/, "")} ${type}`);
    assert.deepEqual(kinds, [
      "out Directory",
      "out/in Directory",
      "out/in/file File",
      "out/in/loop SymbolicLink",
      "out/one File",
      "out/own File",
      "out/zero SymbolicLink",
    ]);
  });

  it("S12: stores a FIFO as a header, leaves out a socket with a warning, and never hangs", async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.path("out"));
    spawnSync("mkfifo", [pod.path("out/fifo")]);
    const server = createServer().listen(pod.path("out/socket"));
    t.after(() => server.close());
    await until("the socket", () => readdirSync(pod.path("out")).length === 2);

    const { data, warnings, error } = await tarOf(pod, pod.path("out"));

    assert.equal(error, undefined);
    assert.deepEqual(warnings, [`left out the socket ${pod.path("out/socket")}`]);
    assert.deepEqual(
      (await entriesOf(data)).map(({ type }) => type),
      ["Directory", "FIFO"],
    );
  });

  it("S11: sends overlapping outputs whole", async (t) => {
    const pod = new Pod(t);
    pod.write("out/a/file", "x");

    const outer = await entriesOf((await tarOf(pod, pod.path("out"))).data);
    const inner = await entriesOf((await tarOf(pod, pod.path("out/a"))).data);

    assert.equal(outer.length, 3);
    assert.equal(inner.length, 2);
  });

  it("R36: fails by name at a folder that cannot be read", {
    skip: process.getuid?.() === 0 ? "root reads everything" : false,
  }, async (t) => {
    const pod = new Pod(t);
    pod.write("out/private/file", "x");
    chmodSync(pod.path("out/private"), 0);

    const { error } = await tarOf(pod, pod.path("out"));
    chmodSync(pod.path("out/private"), 0o755);

    assert.equal(error, `open ${pod.path("out/private")}: permission denied`);
  });

  it("walks a tree that is deeper than the longest path", async (t) => {
    const pod = new Pod(t);
    const levels = isSanitized ? 150 : 500;
    const script = `
      for (let i = 0; i <= ${levels}; i++) {
        const name = i === 0 ? "out" : "level-with-a-name";
        fs.mkdirSync(name);
        process.chdir(name);
      }
      fs.writeFileSync("file", "deep");
    `;
    const made = spawnSync(process.execPath, ["-e", script], { cwd: pod.root });
    assert.equal(made.status, 0);

    const { data, error } = await tarOf(pod, pod.path("out"));

    assert.equal(error, undefined);
    const listed = listWith(t, "bsdtar", data);
    if (listed !== undefined) assert.equal(listed.at(-1), `out/${"level-with-a-name/".repeat(levels)}file`);
  });

  it("sends 20,000 small files", { skip: isSanitized }, async (t) => {
    const pod = new Pod(t);
    mkdirSync(pod.path("out"));
    for (let i = 0; i < 20_000; i++) writeFileSync(pod.path(`out/file-${i}`), "x");

    const { data } = await tarOf(pod, pod.path("out"));

    assert.equal(data.length, (20_000 * 2 + 1 + 2) * 512);
    assert.equal(statSync(pod.path("out")).isDirectory(), true);
  });

  it("ends after two zero blocks", async (t) => {
    const pod = new Pod(t);

    const { data } = await tarOf(pod, pod.write("file", "x"));

    assert.equal(data.length, 4 * 512);
    assert.ok(data.subarray(1024).every((byte) => byte === 0));
  });
});
