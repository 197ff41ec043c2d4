import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { extractZip, packZip } from "../../src/archive/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { floats, sourceText } from "./contents.ts";
import { packTar } from "./pack-tar.ts";
import { chunked, collect, listener, makeFolder } from "./places.ts";
import { hasProgram, run } from "./programs.ts";
import { rawTar } from "./raw-tar.ts";
import { mapTree, type Node, readTree, trees, writeTree } from "./trees.ts";

const { signal } = new AbortController();
const quiet = { warn() {} };
const packed = (path: string) => collect(packZip(packTar(path, quiet, signal), quiet, signal));

/** A zip file's records by hand: entries that streaming writers make, and ones that nobody should. */
interface RawFile {
  readonly name: string;
  readonly content?: string;
  readonly mode?: number;
  readonly method?: number;
  readonly flags?: number;
  /** Put the sums behind the data: 16 or 12 bytes (without signature), 24 or 20 (64 bits). */
  readonly descriptor?: 12 | 16 | 20 | 24;
  readonly host?: number;
}

function rawZip(files: readonly RawFile[], centralFiles: readonly RawFile[] = files): Buffer {
  const locals: Buffer[] = [];
  const offsets = new Map<RawFile, number>();
  let offset = 0;
  for (const file of files) {
    offsets.set(file, offset);
    const local = rawLocal(file);
    locals.push(local);
    offset += local.length;
  }
  const central = centralFiles.map((file) => rawCentral(file, offsets.get(file) ?? 999_999));
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  return Buffer.concat([...locals, ...central, end]);
}

function rawLocal(file: RawFile): Buffer {
  const { data, head } = rawCommon(file);
  const sums = head.subarray(10, 22);
  const tail = Buffer.alloc(file.descriptor ?? 0);
  if (file.descriptor) {
    const start = file.descriptor % 8 === 0 ? 4 : 0;
    if (start === 4) tail.writeUInt32LE(0x08074b50);
    sums.copy(tail, start, 0, 8);
    if (file.descriptor > 16) sums.copy(tail, start + 12, 8);
    else sums.copy(tail, start + 8, 8);
    sums.fill(0);
  }
  const signature = Buffer.from([0x50, 0x4b, 3, 4]);
  return Buffer.concat([signature, head, Buffer.from([0, 0]), Buffer.from(file.name), data, tail]);
}

function rawCentral(file: RawFile, offset: number): Buffer {
  const { head } = rawCommon(file);
  const rest = Buffer.alloc(16);
  rest.writeUInt32LE(((file.mode ?? 0o100644) << 16) >>> 0, 8);
  rest.writeUInt32LE(offset, 12);
  const start = Buffer.from([0x50, 0x4b, 1, 2, 20, file.host ?? 3]);
  return Buffer.concat([start, head, rest, Buffer.from(file.name)]);
}

function rawCommon({ name, content = "", method = 8, flags = 0, descriptor }: RawFile) {
  const data = method === 8 ? deflateRawSync(content) : Buffer.from(content);
  const head = Buffer.alloc(24);
  head.writeUInt16LE(20, 0);
  head.writeUInt16LE(flags | (descriptor ? 8 : 0), 2);
  head.writeUInt16LE(method, 4);
  head.writeUInt32LE(crc32(content), 10);
  head.writeUInt32LE(data.length, 14);
  head.writeUInt32LE(content.length, 18);
  head.writeUInt16LE(Buffer.byteLength(name), 22);
  return { data, head };
}

describe("packZip and extractZip", () => {
  it("give back any tree byte for byte, mode for mode", async (t) => {
    const folder = await makeFolder(t);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(trees, fc.integer({ min: 1, max: 100_000 }), async (tree, chunkBytes) => {
        const source = join(folder, `in${round}`);
        const destination = join(folder, `out${round++}`);
        await writeTree(source, tree);
        await mkdir(destination);

        await extractZip(chunked(await packed(source), chunkBytes), destination, quiet, signal);

        const found = await readTree(join(destination, `in${round - 1}`));
        assert.deepEqual(mapTree(found, asZipKeeps), mapTree(tree, asZipKeeps));
      }),
      { numRuns: 25 },
    );
  });

  it("are understood by unzip, bsdtar and Python, and understand them", async (t) => {
    const folder = await makeFolder(t);
    const file = (content: string, mode: number): Node => ({
      type: "file",
      content,
      mode,
      mtime: 1_000_000_008,
    });
    const empty: Node = { type: "directory", mode: 0o755, children: {} };
    const tree: Node = {
      ...empty,
      children: {
        a: file("a".repeat(1_500_000), 0o755),
        d: { ...empty, children: { b: file("b", 0o640), none: empty } },
        z: file("", 0o600),
      },
    };
    await writeTree(join(folder, "tree"), tree);
    const archive = join(folder, "ours.zip");
    await writeFile(archive, await packed(join(folder, "tree")));
    const check = async (name: string, map = (node: Node) => node) => {
      assert.deepEqual(mapTree(await readTree(join(folder, name, "tree")), map), mapTree(tree, map), name);
    };

    if (hasProgram(t, "unzip", "-v")) {
      await run("unzip", ["-q", archive, "-d", join(folder, "unzip")]);
      await check("unzip");
    }
    if (hasProgram(t, "bsdtar")) {
      await mkdir(join(folder, "bsdtar"));
      await run("bsdtar", ["-xpf", archive, "-C", join(folder, "bsdtar")]);
      await check("bsdtar");
      await run("bsdtar", ["--format=zip", "-cf", join(folder, "b.zip"), "-C", folder, "tree"]);
      await mkdir(join(folder, "from-bsdtar"));
      await extractZip(
        chunked(await readFile(join(folder, "b.zip")), 5000),
        join(folder, "from-bsdtar"),
        quiet,
        signal,
      );
      await check("from-bsdtar");
    }
    if (hasProgram(t, "zip", "-v")) {
      await run("zip", ["-qry", join(folder, "z.zip"), "tree"], folder);
      await mkdir(join(folder, "from-zip"));
      await extractZip(
        chunked(await readFile(join(folder, "z.zip")), 5000),
        join(folder, "from-zip"),
        quiet,
        signal,
      );
      await check("from-zip");
    }
    if (hasProgram(t, "python3")) {
      const script = "import zipfile,sys; print(zipfile.ZipFile(sys.argv[1]).testzip())";
      assert.equal((await run("python3", ["-c", script, archive])).trim(), "None");
    }
  });
});

describe("packZip", () => {
  it("keeps a file whose parts are compressed in different ways: numbers, text, noise", async (t) => {
    const folder = await makeFolder(t);
    const path = join(folder, "mixed");
    const content = Buffer.concat([
      floats(9 * 1024 * 1024),
      await sourceText(),
      randomBytes(3 * 1024 * 1024),
      floats(9 * 1024 * 1024),
    ]);
    await writeFile(path, content);
    const zip = await packed(path);
    const out = join(folder, "out");
    await mkdir(out);

    await extractZip(chunked(zip, 65_536), out, quiet, signal);

    assert.ok((await readFile(join(out, "mixed"))).equals(content));
    assert.ok(zip.length < content.length * 0.8, `${zip.length} of ${content.length} bytes`);
    if (hasProgram(t, "python3")) {
      await writeFile(join(folder, "zip"), zip);
      const script = "import sys,zipfile; print(zipfile.ZipFile(sys.argv[1]).testzip())";
      assert.equal((await run("python3", ["-c", script, join(folder, "zip")])).trim(), "None");
    }
  });

  it("names a single file after itself", async (t) => {
    const folder = await makeFolder(t);
    await writeFile(join(folder, "hello.txt"), "hello");

    const bytes = await packed(join(folder, "hello.txt"));

    assert.equal(bytes.toString("latin1", 30, 39), "hello.txt");
  });

  it("leaves out what zip cannot hold, with a warning", async () => {
    const { messages, warn } = listener();

    await collect(packZip(chunked(rawTar([{ name: "fifo", flag: "6" }]), 512), { warn }, signal));

    assert.match(messages[0] ?? "", /fifo is left out/);
  });

  it("uses 64-bit records for more than 65,535 entries", async (t) => {
    const tar = rawTar(Array.from({ length: 66_000 }, (_, at) => ({ name: `l${at}`, flag: "2", link: "x" })));

    const bytes = await collect(packZip(chunked(tar, 100_000), quiet, signal));

    assert.ok(bytes.includes(Buffer.from([0x50, 0x4b, 6, 6])));
    if (!hasProgram(t, "python3")) return;
    const folder = await makeFolder(t);
    await writeFile(join(folder, "many.zip"), bytes);
    const script = "import zipfile,sys; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))";
    assert.equal((await run("python3", ["-c", script, join(folder, "many.zip")])).trim(), "66000");
  });
});

describe("extractZip", () => {
  it("reads every kind of data descriptor", async (t) => {
    for (const descriptor of [12, 16, 20, 24] as const) {
      const destination = await makeFolder(t);

      const bytes = rawZip([
        { name: "d/a", content: "first ".repeat(5000), descriptor },
        { name: "d/b", content: "", descriptor },
        { name: "c", content: "stored", method: 0 },
      ]);
      for (const size of [1, 17, 100_000]) await extractZip(chunked(bytes, size), destination, quiet, signal);

      assert.equal(await readFile(join(destination, "d/a"), "utf8"), "first ".repeat(5000));
      assert.equal(await readFile(join(destination, "d/b"), "utf8"), "");
      assert.equal(await readFile(join(destination, "c"), "utf8"), "stored");
      assert.equal((await stat(join(destination, "d"))).mode & 0o777, 0o755);
    }
  });

  it("gives archives without modes, as the reference makes them, 0666 files in 0755 directories", async (t) => {
    const destination = await makeFolder(t);

    await extractZip(
      chunked(rawZip([{ name: "d/f", host: 0, mode: 0, descriptor: 16 }]), 99),
      destination,
      quiet,
      signal,
    );

    assert.equal((await stat(join(destination, "d/f"))).mode & 0o777, 0o666);
    assert.equal((await stat(join(destination, "d"))).mode & 0o777, 0o755);
  });

  it("S10: refuses names that climb out and keeps links from leading anywhere", async (t) => {
    const folder = await makeFolder(t);
    const destination = join(folder, "destination");
    await mkdir(destination);
    const link = { name: "l", content: "../outside", mode: 0o120777 };

    const extract = (files: readonly RawFile[], links?: "error") =>
      extractZip(chunked(rawZip(files), 99), destination, { warn() {}, links }, signal);
    await assert.rejects(extract([{ name: "../x" }]), (error) => isExecutorError(error, "BadRequest"));
    await assert.rejects(extract([link], "error"), /illegal symlink target: l -> \.\.\/outside/);
    await assert.rejects(extract([link, { name: "l/x" }]), (error) => isExecutorError(error, "BadRequest"));
    await extract([{ name: "/absolute", content: "inside" }]);

    assert.deepEqual(await readdir(folder), ["destination"]);
    assert.equal(await readFile(join(destination, "absolute"), "utf8"), "inside");
  });

  it("remembers no more than 16 MiB of names", async (t) => {
    // All in one folder, so that it is the names that cost, and each within the limit of a path.
    const folder = `${"d".repeat(200)}/`.repeat(19);
    const files = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `${folder}${at}` }));

    const extract = async (count: number) =>
      extractZip(chunked(rawZip(files(count)), 65_536), await makeFolder(t), quiet, signal);
    await assert.rejects(
      extract(4400),
      (error) =>
        isExecutorError(error, "TooLarge") &&
        /names and links that have to be remembered/.test(error.message),
    );
    await extract(400);
  });

  it("makes links only at the end, from the central directory", async (t) => {
    const destination = await makeFolder(t);

    const files = [
      { name: "l", content: "f", mode: 0o120777 },
      { name: "f", content: "content" },
    ];
    await extractZip(chunked(rawZip(files), 99), destination, quiet, signal);

    assert.ok((await lstat(join(destination, "l"))).isSymbolicLink());
    assert.equal(await readFile(join(destination, "l"), "utf8"), "content");
  });

  it("says what it cannot unpack", async (t) => {
    const destination = await makeFolder(t);

    for (const [file, reason] of [
      [{ name: "x", flags: 1 }, /x: it is encrypted/],
      [{ name: "x", method: 12 }, /method 12/],
      [{ name: "x", content: "data", method: 0, descriptor: 16 }, /without its length/],
    ] as const) {
      await assert.rejects(
        extractZip(chunked(rawZip([file]), 50), destination, quiet, signal),
        (error) => isExecutorError(error, "Unsupported") && reason.test(error.message),
      );
    }
  });

  it("calls damage corrupt: cut short, flipped, or two lists that disagree", async (t) => {
    const destination = await makeFolder(t);
    const files = [
      { name: "a", content: "content ".repeat(100), descriptor: 16 as const },
      { name: "b", content: "b" },
    ];
    const whole = rawZip(files);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(40) ^ 4, 40);

    for (const bytes of [
      ...Array.from({ length: whole.length / 5 }, (_, at) => whole.subarray(0, at * 5)).slice(0, -5),
      flipped,
      rawZip(files, files.slice(0, 1)),
      rawZip(files, [...files, { name: "c" }]),
    ]) {
      await assert.rejects(extractZip(chunked(bytes, 30), destination, quiet, signal), (error) =>
        isExecutorError(error, "Corrupt"),
      );
    }
  });
});

/** Directory modes only where the directory is empty, and times from 1970 on that 31 bits hold. */
function asZipKeeps(node: Node): Node {
  if (node.type === "file") return { ...node, mtime: Math.min(node.mtime, 2 ** 31 - 1) };
  return node.type === "directory" && Object.keys(node.children).length > 0 ? { ...node, mode: 0o755 } : node;
}
