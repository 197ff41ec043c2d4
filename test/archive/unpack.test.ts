import assert from "node:assert/strict";
import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { detect, packZip, type UnpackStrategy, unpack } from "../../src/archive/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { packTar } from "./pack-tar.ts";
import { chunked, collect, makeFolder } from "./places.ts";
import { rawTar } from "./raw-tar.ts";

const { signal } = new AbortController();
const quiet = { warn() {} };
const tar = rawTar([{ name: "hello.txt", content: "hello" }]);
const load = (bytes: Uint8Array, strategy: UnpackStrategy, destination: string) =>
  unpack(chunked(bytes, 333), strategy, destination, quiet, signal);

describe("unpack", () => {
  it("unpacks on its own only what is gzip around tar", async (t) => {
    const folder = await makeFolder(t);
    const zip = await collect(packZip(Readable.from([tar]), quiet, signal));
    const plain = {
      tar,
      zip,
      gz: gzipSync("text"),
      text: Buffer.from("text"),
      none: Buffer.alloc(0),
      emptyTar: gzipSync(Buffer.alloc(1024)),
    };

    for (const [name, bytes] of Object.entries(plain)) {
      await load(bytes, "auto", join(folder, name));
      assert.ok((await readFile(join(folder, name))).equals(bytes), name);
    }
    await load(gzipSync(tar), "auto", join(folder, "archive"));

    assert.equal(await readFile(join(folder, "archive"), "utf8"), "hello");
    assert.deepEqual((await readdir(folder)).sort(), [...Object.keys(plain), "archive"].sort());
  });

  it("R15: decides from the first header, before the rest of a huge gzip has arrived", async (t) => {
    const folder = await makeFolder(t);
    const member = gzipSync("line of a log\n".repeat(1000));
    let sent = 0;
    let seenWhenFileAppeared = Number.POSITIVE_INFINITY;
    async function* source() {
      for (; sent < 2000; sent++) {
        yield member;
        if (seenWhenFileAppeared > sent && (await readdir(folder)).length > 0) seenWhenFileAppeared = sent;
      }
    }

    await unpack(source(), "auto", join(folder, "log.gz"), quiet, signal);

    assert.equal((await stat(join(folder, "log.gz"))).size, member.length * 2000);
    assert.ok(seenWhenFileAppeared < 200, `after ${seenWhenFileAppeared} members`);
  });

  it("finds the tar header behind any gzip header and across small members", async (t) => {
    const folder = await makeFolder(t);
    const members = Buffer.concat([
      gzipSync(""),
      gzipSync(tar.subarray(0, 100)),
      gzipSync(tar.subarray(100)),
    ]);
    const named = Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]),
      Buffer.alloc(9000, "n"),
      gzipSync(tar).subarray(9),
    ]);
    named.writeUInt8(0, 10 + 8999 + 1);

    await load(members, "auto", join(folder, "members"));
    await load(named, "auto", join(folder, "named"));

    assert.equal(await readFile(join(folder, "members"), "utf8"), "hello");
    assert.equal(await readFile(join(folder, "named"), "utf8"), "hello");
  });

  it("R16: takes plain tar where tar is asked for", async (t) => {
    const folder = await makeFolder(t);

    await load(tar, "tar", join(folder, "plain"));
    await load(gzipSync(tar, { level: 0 }), "tar", join(folder, "level0"));
    await load(Buffer.alloc(10_240), "tar", join(folder, "empty"));

    assert.equal(await readFile(join(folder, "plain"), "utf8"), "hello");
    assert.equal(await readFile(join(folder, "level0"), "utf8"), "hello");
    assert.deepEqual(await readdir(join(folder, "empty")), []);
  });

  it("says so when an object is not what its strategy says", async (t) => {
    const folder = await makeFolder(t);

    for (const bytes of [Buffer.from("text"), Buffer.alloc(0)]) {
      await assert.rejects(load(bytes, "tar", join(folder, "x")), /gzip: invalid header/);
      await assert.rejects(load(bytes, "zip", join(folder, "x")), /zip: not a valid zip file/);
    }

    assert.deepEqual(await readdir(folder), []);
  });

  it("turns a single entry of whatever name and kind into the destination, and several into a directory", async (t) => {
    const folder = await makeFolder(t);
    const archives = {
      file: [{ name: "any", content: "f" }],
      directory: [
        { name: "any/", flag: "5", mode: 0o700 },
        { name: "any/f", content: "f" },
      ],
      link: [{ name: "any", flag: "2", link: "elsewhere" }],
      several: [{ name: "a" }, { name: "b" }],
      rooted: [
        { name: "./", flag: "5" },
        { name: "./only", content: "f" },
      ],
    };

    for (const [name, entries] of Object.entries(archives))
      await load(gzipSync(rawTar(entries)), "auto", join(folder, name));

    assert.equal(await readFile(join(folder, "file"), "utf8"), "f");
    assert.equal((await stat(join(folder, "directory"))).mode & 0o777, 0o700);
    assert.deepEqual(await readdir(join(folder, "directory")), ["f"]);
    assert.equal(await readlink(join(folder, "link")), "elsewhere");
    assert.deepEqual((await readdir(join(folder, "several"))).sort(), ["a", "b"]);
    assert.equal((await stat(join(folder, "several"))).mode & 0o777, 0o777);
    assert.ok((await lstat(join(folder, "rooted"))).isFile());
    assert.equal((await readdir(folder)).length, 5);
  });

  it("unpacks zip, and gives plain files 0644", async (t) => {
    const folder = await makeFolder(t);
    await mkdir(join(folder, "tree"));
    await writeFile(join(folder, "tree", "f"), "f");
    await chmod(join(folder, "tree", "f"), 0o751);

    const zip = await collect(packZip(packTar(join(folder, "tree"), quiet, signal), quiet, signal));
    await load(zip, "zip", join(folder, "out"));
    await load(zip, "none", join(folder, "plain"));

    assert.equal((await stat(join(folder, "out", "f"))).mode & 0o777, 0o751);
    assert.equal((await stat(join(folder, "plain"))).mode & 0o777, 0o644);
  });

  it("clears what a crashed attempt left behind", async (t) => {
    const folder = await makeFolder(t);
    await mkdir(join(folder, "in.tmpdir", "left"), { recursive: true });
    await mkdir(join(folder, "in.tmp", "over"), { recursive: true });

    await load(gzipSync(tar), "auto", join(folder, "in"));

    assert.deepEqual(await readdir(folder), ["in"]);
  });

  it("does not replace a directory that has something in it", async (t) => {
    const folder = await makeFolder(t);
    await mkdir(join(folder, "in"));
    await writeFile(join(folder, "in", "kept"), "");
    const several = gzipSync(rawTar([{ name: "a" }, { name: "b" }]));

    for (const bytes of [several, gzipSync(tar), Buffer.from("text")]) {
      await assert.rejects(load(bytes, "auto", join(folder, "in")), (error) =>
        isExecutorError(error, "BadRequest"),
      );
    }

    assert.deepEqual(await readdir(folder), ["in"]);
    assert.deepEqual(await readdir(join(folder, "in")), ["kept"]);
  });

  it("ends when told to while its source is silent, and leaves nothing", async (t) => {
    const folder = await makeFolder(t);
    for (const strategy of ["tar", "auto", "none", "zip"] as const) {
      const controller = new AbortController();
      const source = new Readable({ read() {} });
      source.push(
        strategy === "zip"
          ? Buffer.from("PK\x03\x04")
          : gzipSync(rawTar([{ name: "f", content: "x".repeat(9999) }])).subarray(0, 100),
      );

      const unpacking = unpack(source, strategy, join(folder, "in"), quiet, controller.signal);
      setImmediate(() => controller.abort());

      await assert.rejects(unpacking, { name: "AbortError" });
      assert.ok(source.destroyed);
      assert.deepEqual(await readdir(folder), []);
    }
  });

  it("leaves nothing whenever it is told to end, also while the file is being opened", async (t) => {
    const folder = await makeFolder(t);
    for (let round = 0; round < 300; round++) {
      const controller = new AbortController();
      const source = new Readable({ read() {} });
      source.push("the beginning");

      const unpacking = unpack(source, "none", join(folder, "in"), quiet, controller.signal);
      if (round % 3 === 0) setTimeout(() => controller.abort(), 1);
      else if (round % 3 === 1) setImmediate(() => controller.abort());
      else queueMicrotask(() => controller.abort());

      await assert.rejects(unpacking, { name: "AbortError" });
      await nextTurn();
      assert.deepEqual(await readdir(folder), []);
    }
  });

  it("fails with its source's own error and leaves nothing", async (t) => {
    const folder = await makeFolder(t);
    for (const strategy of ["tar", "auto", "none"] as const) {
      const source = Readable.from(
        (async function* () {
          yield gzipSync(tar).subarray(0, 60);
          throw new Error("connection lost");
        })(),
      );

      await assert.rejects(unpack(source, strategy, join(folder, "in"), quiet, signal), /connection lost/);
      assert.deepEqual(await readdir(folder), []);
    }
  });
});

describe("detect", () => {
  it("goes by content", () => {
    assert.equal(detect(tar), "tar");
    assert.equal(detect(gzipSync("")), "gzip");
    assert.equal(detect(Buffer.from("PK\x03\x04")), "zip");
    assert.equal(detect(Buffer.from("PK")), "none");
    assert.equal(detect(Buffer.alloc(0)), "none");
    assert.equal(detect(Buffer.alloc(512)), "none");
  });
});
