import assert from "node:assert/strict";
import { once } from "node:events";
import {
  appendFile,
  chmod,
  mkdir,
  open,
  readFile,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { list } from "tar";
import { extractTar, readTar } from "../../src/archive/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { packTar } from "./pack-tar.ts";
import { chunked, collect, listener, makeFolder } from "./places.ts";
import { hasProgram, run } from "./programs.ts";
import { mapTree, type Node, readTree, trees, writeTree } from "./trees.ts";

const { signal } = new AbortController();
const quiet = { warn() {} };

const namesOf = async (bytes: Buffer) => {
  const names: string[] = [];
  for await (const { name } of readTar(chunked(bytes, 1000), signal)) names.push(name);
  return names;
};

describe("packTar and extractTar", () => {
  it("give back any tree byte for byte, mode for mode", async (t) => {
    const folder = await makeFolder(t);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(trees, fc.integer({ min: 1, max: 100_000 }), async (tree, chunkBytes) => {
        const source = join(folder, `in${round}`);
        const destination = join(folder, `out${round++}`);
        await writeTree(source, tree);
        await mkdir(destination);

        const bytes = await collect(packTar(source, quiet, signal));
        await extractTar(chunked(bytes, chunkBytes), destination, quiet, signal);

        assert.deepEqual(
          await readTree(join(destination, `in${round - 1}`)),
          mapTree(tree, (node) => node),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("are understood by GNU tar, bsdtar, Python and the tar package, and understand them", async (t) => {
    const folder = await makeFolder(t);
    const tree = sampleTree();
    await writeTree(join(folder, "tree"), tree);
    const archive = join(folder, "ours.tar");
    await writeFile(archive, await collect(packTar(join(folder, "tree"), quiet, signal)));
    const ours = join(folder, "ours");
    const expected = mapTree(tree, (node) => node);
    const checkUnpacked = async (name: string) => {
      assert.deepEqual(await readTree(join(folder, name, "tree")), expected, name);
    };

    const seen: string[] = [];
    await list({ file: archive, strict: true, onReadEntry: (entry) => seen.push(entry.path) });
    assert.deepEqual(seen.sort(), (await namesOf(await readFile(archive))).sort());

    for (const [program, formats] of [
      ["tar", ["gnu", "pax", "oldgnu"]],
      ["bsdtar", ["gnutar", "pax"]],
    ] as const) {
      if (!hasProgram(t, program)) continue;
      await mkdir(`${ours}-${program}`);
      await run(program, ["-xpf", archive, "-C", `${ours}-${program}`]);
      await checkUnpacked(`ours-${program}`);
      for (const format of formats) {
        const theirs = join(folder, `${program}-${format}`);
        await run(program, [`--format=${format}`, "-cf", `${theirs}.tar`, "-C", folder, "tree"]);
        await mkdir(theirs);
        await extractTar(chunked(await readFile(`${theirs}.tar`), 65536), theirs, quiet, signal);
        await checkUnpacked(`${program}-${format}`);
      }
    }
    if (hasProgram(t, "python3")) {
      const script = "import tarfile,sys; tarfile.open(sys.argv[1]).extractall(sys.argv[2])";
      await run("python3", ["-W", "ignore", "-c", script, archive, `${ours}-python`]);
      await checkUnpacked("ours-python");
    }
  });
});

describe("packTar", () => {
  it("names entries after the root, sorts by bytes, and puts no slash after directories", async (t) => {
    const folder = await makeFolder(t);
    const file = (content: string): Node => ({ type: "file", content, mode: 0o644, mtime: 1 });
    const empty: Node = { type: "directory", mode: 0o755, children: {} };
    await writeTree(join(folder, "out"), {
      type: "directory",
      mode: 0o755,
      children: {
        b: file("b"),
        "a.b": file("x"),
        a: { ...empty, children: { z: file("z"), B: empty } },
        "\u00c3\u00a9": file(""),
      },
    });

    const names = await namesOf(await collect(packTar(join(folder, "out"), quiet, signal)));

    assert.deepEqual(names, ["out", "out/a", "out/a/B", "out/a/z", "out/a.b", "out/b", "out/é"]);
  });

  it("stores a single file under its own name, in plain USTAR, ended by two blocks", async (t) => {
    const folder = await makeFolder(t);
    await writeFile(join(folder, "hello.txt"), "hello");
    await chmod(join(folder, "hello.txt"), 0o4751);
    await utimes(join(folder, "hello.txt"), 1000.6, 1000.6);

    const bytes = await collect(packTar(join(folder, "hello.txt"), quiet, signal));

    assert.equal(bytes.length, 4 * 512);
    assert.equal(bytes.toString("latin1", 0, 100), "hello.txt".padEnd(100, "\0"));
    assert.equal(bytes.toString("latin1", 100, 108), "0004751\0");
    assert.equal(bytes.toString("latin1", 124, 148), "00000000005\x0000000001751\0");
    assert.equal(bytes.toString("latin1", 156, 157), "0");
    assert.equal(bytes.toString("latin1", 257, 265), "ustar\x0000");
    assert.equal(bytes.toString("latin1", 512, 517), "hello");
  });

  it("R17: keeps relative, absolute and dangling links as they are", async (t) => {
    const folder = await makeFolder(t);
    await mkdir(join(folder, "out"));
    const links = { relative: "../x", absolute: "/etc/passwd", dangling: "nowhere", long: "l".repeat(150) };
    for (const [name, target] of Object.entries(links)) await symlink(target, join(folder, "out", name));

    const found: Record<string, string> = {};
    for await (const entry of readTar(packTar(join(folder, "out"), quiet, signal), signal)) {
      if (entry.type === "symlink") found[entry.name.slice(4)] = entry.linkName;
    }

    assert.deepEqual(found, links);
  });

  it("resolves the path itself when it is a link, and follows links into the given folder only", async (t) => {
    const folder = await makeFolder(t);
    const inputs = join(folder, "inputs");
    await mkdir(join(inputs, "data"), { recursive: true });
    await writeFile(join(inputs, "data", "f"), "input");
    await symlink(join(inputs, "data"), join(inputs, "data", "circle"));
    await mkdir(join(folder, "real"));
    await symlink(join(inputs, "data"), join(folder, "real", "followed"));
    await writeFile(join(folder, "private"), "of this container");
    await symlink(join(folder, "private"), join(inputs, "trap"));
    await symlink(join(inputs, "trap"), join(folder, "real", "trapped"));
    await symlink(join(inputs, "missing"), join(folder, "real", "dangling"));
    await symlink(folder, join(folder, "real", "kept"));
    await symlink(join(folder, "real"), join(folder, "out"));

    const entries: string[] = [];
    for await (const { name, type } of readTar(
      packTar(join(folder, "out"), { followInto: inputs, ...quiet }, signal),
      signal,
    )) {
      entries.push(`${name} ${type}`);
    }

    assert.deepEqual(entries, [
      "out directory",
      "out/dangling symlink",
      "out/followed directory",
      "out/followed/circle symlink",
      "out/followed/f file",
      "out/kept symlink",
      "out/trapped symlink",
    ]);
  });

  it("says what is missing, and what is neither file nor directory", async (t) => {
    const folder = await makeFolder(t);
    const missing = join(folder, "missing");

    await assert.rejects(
      collect(packTar(missing, quiet, signal)),
      (error) =>
        isExecutorError(error, "NotFound") && error.message === `stat ${missing}: no such file or directory`,
    );
    await assert.rejects(
      collect(packTar("/dev/null", quiet, signal)),
      (error) =>
        isExecutorError(error, "BadRequest") &&
        error.message === "/dev/null is not a regular file or directory",
    );
  });

  it("S12: leaves a socket out with a warning and never waits for a FIFO", async (t) => {
    const folder = await makeFolder(t);
    await mkdir(join(folder, "out"));
    const server = createServer().listen(join(folder, "out", "socket"));
    t.after(() => server.close());
    await once(server, "listening");
    const hasFifo = hasProgram(t, "mkfifo");
    if (hasFifo) await run("mkfifo", [join(folder, "out", "fifo")]);
    const { messages, warn } = listener();

    const names = await namesOf(await collect(packTar(join(folder, "out"), { warn }, signal)));

    assert.deepEqual(names, hasFifo ? ["out", "out/fifo"] : ["out"]);
    assert.equal(messages.length, 1);
    assert.match(messages[0] ?? "", /left out the socket \S*out\/socket/);
  });

  it("S12: sends a growing file as it was, and fails naming one that shrinks", async (t) => {
    const folder = await makeFolder(t);
    const path = join(folder, "big");
    await writeFile(path, Buffer.alloc(4_000_000, "x"));

    const growing = packTar(path, quiet, signal);
    await once(growing, "readable");
    await appendFile(path, "more");
    const grown = await collect(growing);
    const shrinking = packTar(path, quiet, signal);
    await once(shrinking, "readable");
    await truncate(path, 10);

    assert.equal(grown.length, 512 + 4_000_256 + 1024);
    await assert.rejects(
      collect(shrinking),
      (error) => isExecutorError(error, "BadRequest") && error.message.includes(`${path} became shorter`),
    );
  });

  it("R36, S1: fails naming the directory that it may not read", async (t) => {
    if (process.getuid?.() === 0) return t.skip("root may read everything");
    const folder = await makeFolder(t);
    await mkdir(join(folder, "out", "closed"), { recursive: true });
    await chmod(join(folder, "out", "closed"), 0);

    const outcome = await collect(packTar(join(folder, "out"), quiet, signal)).catch(
      (error: unknown) => error,
    );
    await chmod(join(folder, "out", "closed"), 0o700);

    assert.ok(
      isExecutorError(outcome, "BadRequest") && outcome.message.includes("out/closed"),
      String(outcome),
    );
  });

  it("fails when the tree changes under it, and never as not found", async (t) => {
    const folder = await makeFolder(t);
    for (let at = 0; at < 50; at++) await mkdir(join(folder, "out", `d${at}`), { recursive: true });
    await writeFile(join(folder, "out", "a"), Buffer.alloc(4_000_000));

    const packing = packTar(join(folder, "out"), quiet, signal);
    await once(packing, "readable");
    await rm(join(folder, "out", "d49"), { recursive: true });

    await assert.rejects(
      collect(packing),
      (error) => isExecutorError(error, "BadRequest") && error.message.includes("d49"),
    );
  });

  it("stops when told to", async (t) => {
    const folder = await makeFolder(t);
    await writeFile(join(folder, "big"), Buffer.alloc(4_000_000));
    const controller = new AbortController();

    const packing = packTar(join(folder, "big"), quiet, controller.signal);
    await once(packing, "readable");
    controller.abort();

    await assert.rejects(collect(packing), { name: "AbortError" });
  });

  it("gives numbers that USTAR cannot hold their own record, and only those", async (t) => {
    const folder = await makeFolder(t);
    const path = join(folder, "sparse");
    const file = await open(path, "w");
    await file.truncate(9 * 2 ** 30);
    await file.close();

    const packing = packTar(path, quiet, signal);
    await once(packing, "readable");
    const head: Buffer = packing.read();
    packing.destroy();

    assert.match(head.toString("latin1", 0, 100), /^PaxHeaders\.0\/sparse\0/);
    assert.equal(head.toString("latin1", 512, 512 + 19), "19 size=9663676416\n");
    assert.equal(head.toString("latin1", 1024, 1031), "sparse\0");
  });
});

describe("readTar", () => {
  it("hands out bodies, and skips what nobody reads", async (t) => {
    const folder = await makeFolder(t);
    await mkdir(join(folder, "out"));
    for (const name of ["a", "b", "c"])
      await writeFile(join(folder, "out", name), Buffer.alloc(200_000, name));

    const bodies: string[] = [];
    for await (const entry of readTar(packTar(join(folder, "out"), quiet, signal), signal)) {
      if (entry.name === "out/a") entry.body.read(1);
      if (entry.name === "out/b") for await (const _ of entry.body) break;
      if (entry.name === "out/c") bodies.push((await collect(entry.body)).toString());
    }

    assert.deepEqual(bodies, ["c".repeat(200_000)]);
  });

  it("expands sparse files of every GNU format", async (t) => {
    if (!hasProgram(t, "tar")) return;
    const folder = await makeFolder(t);
    const path = join(folder, "sparse");
    const file = await open(path, "w");
    for (let at = 0; at < 30; at++)
      await file.write(Buffer.from(`island ${at}`), 0, undefined, at * 1_000_003);
    await file.truncate(40_000_000);
    await file.close();
    const content = await readFile(path);

    for (const format of [
      "--format=oldgnu",
      "--sparse-version=0.0",
      "--sparse-version=0.1",
      "--sparse-version=1.0",
    ]) {
      const args = format.startsWith("--sparse") ? ["--format=pax", format] : [format];
      await run("tar", [...args, "-S", "-cf", `${path}.tar`, "-C", folder, "sparse"]);
      const bytes = await readFile(`${path}.tar`);
      const destination = join(folder, `out${format}`);
      await mkdir(destination);
      await extractTar(chunked(bytes, 10_000), destination, quiet, signal);

      for await (const entry of readTar(chunked(bytes, 10_000), signal)) {
        assert.equal(entry.name, "sparse");
        assert.ok((await collect(entry.body)).equals(content), format);
      }
      assert.ok((await readFile(join(destination, "sparse"))).equals(content), format);
      assert.ok(bytes.length < 1_000_000, "the archive itself is sparse");
    }
  });
});

/** Long names and targets, names beyond ASCII, modes, times; what every program of today restores. */
function sampleTree(): Node {
  const file = (content: string, mode = 0o640, mtime = 1_000_000_007): Node => ({
    type: "file",
    content,
    mode,
    mtime,
  });
  const empty: Node = { type: "directory", mode: 0o750, children: {} };
  return {
    ...empty,
    children: {
      "a file": file("x".repeat(100_000)),
      empty,
      none: file("", 0o400, 2 ** 31 + 5),
      link: { type: "link", target: "a file" },
      absolute: { type: "link", target: "/nowhere/at/all" },
      longlink: { type: "link", target: `${"t".repeat(60)}/${"u".repeat(80)}` },
      ["d".repeat(90)]: { ...empty, children: { ["e".repeat(60)]: file("split") } },
    },
  };
}
