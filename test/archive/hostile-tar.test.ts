import assert from "node:assert/strict";
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { type ExtractOptions, extractTar, tarLimits, unpack } from "../../src/archive/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { chunked, listener, makeFolder } from "./places.ts";
import { type RawEntry, rawEntry, rawPax, rawTar } from "./raw-tar.ts";

const { signal } = new AbortController();

/** A destination, and beside it what nobody may touch. */
async function makePlace(t: TestContext) {
  const folder = await makeFolder(t);
  const destination = join(folder, "in", "destination");
  await mkdir(destination, { recursive: true });
  await writeFile(join(folder, "in", "secret"), "untouched");
  const { messages, warn } = listener();
  return {
    folder,
    destination,
    messages,
    options: { warn },
    extract: (entries: RawEntry[] | Buffer, options: Partial<ExtractOptions> = {}) =>
      extractTar(
        chunked(Buffer.isBuffer(entries) ? entries : rawTar(entries), 700),
        destination,
        { warn, ...options },
        signal,
      ),
    async assertOutsideUntouched() {
      assert.deepEqual(await readdir(folder), ["in"]);
      assert.deepEqual((await readdir(join(folder, "in"))).sort(), ["destination", "secret"]);
      assert.equal(await readFile(join(folder, "in", "secret"), "utf8"), "untouched");
    },
  };
}

const illegal = (pattern: RegExp) => (error: unknown) =>
  isExecutorError(error, "BadRequest") && pattern.test(error.message);

describe("extractTar", () => {
  it("S10: refuses names that climb out of the destination", async (t) => {
    const place = await makePlace(t);

    for (const name of ["../secret", "a/../../secret", "..", "a/b/../../../secret", "./../secret"]) {
      for (const flag of ["0", "5", "2", "1"]) {
        await assert.rejects(
          place.extract([{ name, flag, link: "x", content: "" }]),
          illegal(/^illegal file path: /),
          name,
        );
      }
    }
    await place.assertOutsideUntouched();
  });

  it("S10: keeps absolute names inside", async (t) => {
    const place = await makePlace(t);

    await place.extract([
      { name: "/etc/passwd", content: "mine" },
      { name: "//x/../y", content: "y" },
    ]);

    assert.equal(await readFile(join(place.destination, "etc/passwd"), "utf8"), "mine");
    assert.equal(await readFile(join(place.destination, "y"), "utf8"), "y");
    await place.assertOutsideUntouched();
  });

  it("remembers no more than 16 MiB of links", async (t) => {
    const place = await makePlace(t);
    const links = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ name: `l${at}`, flag: "2", link: "x".repeat(90) }));

    await assert.rejects(
      place.extract(links(100_000)),
      (error) => isExecutorError(error, "TooLarge") && /have to be remembered/.test(error.message),
    );
    await (await makePlace(t)).extract(links(1000));
  });

  it("ignores the root entry that `tar -C dir .` writes", async (t) => {
    const place = await makePlace(t);

    await place.extract([
      { name: "./", flag: "5", mode: 0 },
      { name: "./a", content: "a" },
    ]);

    assert.deepEqual(await readdir(place.destination), ["a"]);
  });

  it("never writes through a link of the archive, whichever comes first", async (t) => {
    const place = await makePlace(t);
    const link = { name: "l", flag: "2", link: ".." };

    for (const entries of [
      [link, { name: "l/secret", content: "overwritten" }],
      [link, { name: "l/new/", flag: "5" }],
      [link, { name: "l/again", flag: "2", link: "x" }],
      [
        { name: "a/l", flag: "2", link: "../.." },
        { name: "a/l/secret", content: "overwritten" },
      ],
      [{ name: "l/secret", content: "overwritten" }, link],
      [link, { name: "f", content: "" }, { name: "l/hard", flag: "1", link: "f" }],
    ]) {
      await assert.rejects(place.extract(entries), illegal(/^illegal file path: /));
      await place.assertOutsideUntouched();
    }
  });

  it("never writes through a link that was there before", async (t) => {
    const place = await makePlace(t);
    await writeFile(join(place.folder, "in", "secret"), "untouched");
    await symlink("../secret", join(place.destination, "file"));
    await symlink("..", join(place.destination, "directory"));

    await place.extract([{ name: "file", content: "new" }]);
    await assert.rejects(
      place.extract([{ name: "directory/secret", content: "new" }]),
      illegal(/used as a directory/),
    );

    assert.equal(await readFile(join(place.destination, "file"), "utf8"), "new");
    await place.assertOutsideUntouched();
  });

  it("replaces a link by a file of the same name instead of following it", async (t) => {
    const place = await makePlace(t);

    await place.extract([
      { name: "l", flag: "2", link: "../secret" },
      { name: "l", content: "file" },
    ]);

    assert.ok((await lstat(join(place.destination, "l"))).isFile());
    await place.assertOutsideUntouched();
  });

  it("links hard only to files that it unpacked", async (t) => {
    const place = await makePlace(t);

    for (const link of ["../secret", "/etc/passwd", "missing", "dir"]) {
      const entries = [
        { name: "dir/", flag: "5" },
        { name: "h", flag: "1", link },
      ];
      await assert.rejects(place.extract(entries), illegal(/^illegal (file path|hard link target): /), link);
    }
    await place.extract([
      { name: "s", flag: "2", link: "../secret" },
      { name: "h", flag: "1", link: "s" },
      { name: "h", content: "own" },
      { name: "f", content: "shared" },
      { name: "g", flag: "1", link: "f" },
      { name: "k", flag: "1", link: "s" },
    ]);

    assert.equal(await readlink(join(place.destination, "k")), "../secret");
    assert.equal(await readFile(join(place.destination, "h"), "utf8"), "own");
    assert.equal(
      (await stat(join(place.destination, "f"))).ino,
      (await stat(join(place.destination, "g"))).ino,
    );
    await place.assertOutsideUntouched();
  });

  it("R17: keeps links that lead out as dangling text, or fails if told to", async (t) => {
    const place = await makePlace(t);

    for (const link of ["/etc/passwd", "../secret", "..", ".", "a/../..", "d/.."]) {
      await place.extract([
        { name: "d/", flag: "5" },
        { name: "l", flag: "2", link },
      ]);
      assert.equal(await readlink(join(place.destination, "l")), link);
      await assert.rejects(
        place.extract([{ name: "l", flag: "2", link }], { links: "error" }),
        illegal(/^illegal symlink target: l -> /),
        link,
      );
    }
    await place.extract([{ name: "d/m", flag: "2", link: "../f" }], { links: "error" });

    assert.equal(await readlink(join(place.destination, "d/m")), "../f");
    await place.assertOutsideUntouched();
  });

  it("S10: leaves out devices and FIFOs with a warning", async (t) => {
    const place = await makePlace(t);

    await place.extract(["3", "4", "6", "Z"].map((flag) => ({ name: `d${flag}`, flag })));

    assert.deepEqual(await readdir(place.destination), []);
    assert.equal(place.messages.length, 4);
    assert.match(place.messages[0] ?? "", /d3 is left out: it is a character device/);
  });

  it("lets a later entry replace an earlier one whole, modes and all", async (t) => {
    const place = await makePlace(t);

    await place.extract([
      { name: "f", content: "a long content", mode: 0o600 },
      { name: "f", content: "short", mode: 0o755, mtime: 77 },
      { name: "d/", flag: "5", mode: 0o700 },
      { name: "d/x", content: "" },
      { name: "d/", flag: "5", mode: 0o555 },
    ]);

    const found = await stat(join(place.destination, "f"));
    assert.equal(await readFile(join(place.destination, "f"), "utf8"), "short");
    assert.equal(found.mode & 0o7777, 0o755);
    assert.equal(found.mtimeMs, 77_000);
    assert.equal((await stat(join(place.destination, "d"))).mode & 0o777, 0o755);
  });

  it("drops setuid, setgid and sticky bits", async (t) => {
    const place = await makePlace(t);

    await place.extract([
      { name: "f", mode: 0o7755 },
      { name: "d/", flag: "5", mode: 0o7777 },
    ]);

    assert.equal((await stat(join(place.destination, "f"))).mode & 0o7777, 0o755);
    assert.equal((await stat(join(place.destination, "d"))).mode & 0o7777, 0o777);
  });

  it("S10: refuses names and headers beyond their limits", async (t) => {
    const place = await makePlace(t);
    const longName = Buffer.concat([rawPax({ path: "n/".repeat(2500) }), rawTar([{ name: "x" }])]);
    const gnuLong = rawTar([{ name: "././@LongLink", flag: "L", content: "n".repeat(5000) }, { name: "x" }]);
    const hugeHeader = rawEntry({ name: "pax", flag: "x", size: 2 ** 32 });

    for (const archive of [longName, gnuLong, hugeHeader]) {
      await assert.rejects(
        place.extract(archive),
        (error) => isExecutorError(error, "TooLarge") && /limit is/.test(error.message),
      );
    }
    await place.assertOutsideUntouched();
  });

  it("S10: stops at the limit of entries, in constant memory", async (t) => {
    const place = await makePlace(t);
    const entry = rawEntry({ name: "same/", flag: "5" });
    async function* endless() {
      const block = Buffer.concat(Array.from({ length: 128 }, () => entry));
      for (;;) yield block;
    }

    const limits = { ...tarLimits, entriesMax: 5_000 };
    const extraction = extractTar(endless(), place.destination, { warn() {}, limits }, signal);

    await assert.rejects(
      extraction,
      (error) => isExecutorError(error, "TooLarge") && /5000/.test(error.message),
    );
  });

  it("S10: unpacks a hole of 1 TB without writing it", async (t) => {
    const place = await makePlace(t);
    const size = String(2 ** 40);
    const records = {
      "GNU.sparse.major": "1",
      "GNU.sparse.minor": "0",
      "GNU.sparse.realsize": size,
      "GNU.sparse.name": "hole",
    };
    const map = Buffer.alloc(512);
    map.write("1\n0\n4\n");
    const archive = Buffer.concat([
      rawPax(records),
      rawTar([{ name: "x", content: Buffer.concat([map, Buffer.from("data")]) }]),
    ]);

    await place.extract(archive);

    const found = await stat(join(place.destination, "hole"));
    assert.equal(found.size, 2 ** 40);
    assert.ok(found.blocks < 100, `${found.blocks} blocks`);
  });

  it("calls damage corrupt: checksums, numbers, PAX records, sparse maps, ends", async (t) => {
    const place = await makePlace(t);
    const whole = rawTar([{ name: "f", content: "x".repeat(1000) }]);
    const wrong = (offset: number, text: string) => {
      const copy = Buffer.from(whole);
      copy.write(text, offset, "latin1");
      return copy;
    };
    const sparse = (map: string) =>
      Buffer.concat([
        rawPax({ "GNU.sparse.size": "10", "GNU.sparse.map": map }),
        rawTar([{ name: "s", content: "1234" }]),
      ]);

    for (const damaged of [
      wrong(0, "g"),
      wrong(150, "zzz"),
      whole.subarray(0, 700),
      whole.subarray(0, 100),
      whole.subarray(0, 1500),
      rawTar([{ name: "f", size: 1e9 }]),
      rawTar([{ name: "p", flag: "x", content: "99 path=x\n" }, { name: "f" }]),
      rawTar([{ name: "p", flag: "x", content: "no record" }, { name: "f" }]),
      Buffer.concat([rawPax({ size: "-1" }), whole]),
      rawPax({ path: "nothing follows" }),
      sparse("0,2,1,2"),
      sparse("8,4"),
      sparse("0,3"),
      sparse("0,4,5"),
    ]) {
      await assert.rejects(place.extract(damaged), (error) => isExecutorError(error, "Corrupt"));
    }
    await place.assertOutsideUntouched();
  });

  it("survives any bytes in any place: unpacked inside, or a clear error", async (t) => {
    const place = await makePlace(t);
    const base = Buffer.concat([
      rawPax({ path: "d/long", mtime: "1.5" }),
      rawTar([
        { name: "x", content: "content" },
        { name: "l", flag: "2", link: "d/long" },
        { name: "h", flag: "1", link: "d/long" },
        { name: "../up", flag: "5" },
      ]),
    ]);
    const edits = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edits, fc.boolean(), async (changes, keepsChecksums) => {
        const bytes = Buffer.from(base);
        for (const [at, value] of changes) bytes[at] = value;
        if (keepsChecksums) repairChecksums(bytes);

        const outcome = await place.extract(bytes).catch((error: unknown) => error);

        if (outcome !== undefined)
          assert.ok(isExecutorError(outcome, "BadRequest", "Corrupt", "TooLarge"), String(outcome));
        await place.assertOutsideUntouched();
      }),
      { numRuns: 300 },
    );
  });
});

describe("unpack", () => {
  it("leaves nothing behind when an archive is hostile or cut short", async (t) => {
    const place = await makePlace(t);
    const target = join(place.destination, "input");
    const good = rawTar([
      { name: "a", content: "a".repeat(300_000) },
      { name: "b", content: "b" },
    ]);
    const evil = rawTar([
      { name: "a", content: "a" },
      { name: "../../secret", content: "evil" },
    ]);

    for (const bytes of [gzipSync(evil), evil, gzipSync(good).subarray(0, -4), good.subarray(0, 200_000)]) {
      await assert.rejects(unpack(chunked(bytes, 900), "tar", target, place.options, signal), (error) =>
        isExecutorError(error, "BadRequest", "Corrupt"),
      );
      assert.deepEqual(await readdir(place.destination), []);
    }
    await place.assertOutsideUntouched();
  });
});

function repairChecksums(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (bytes.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    bytes.write(" ".repeat(8), at + 148);
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
  }
}
