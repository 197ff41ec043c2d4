import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { gunzip, gzip } from "../../src/archive/index.ts";
import { openNativeDeflate } from "../../src/archive/native-deflate.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { floats, sourceText } from "./contents.ts";
import { chunked, collect, makeFolder } from "./places.ts";
import { hasProgram, run } from "./programs.ts";

const compress = (bytes: Uint8Array, level?: number, chunkBytes = 65536) =>
  collect(Readable.from(chunked(bytes, chunkBytes), { objectMode: false }).pipe(gzip({ level })));

const decompress = (source: AsyncIterable<Uint8Array>) =>
  collect(gunzip(source, new AbortController().signal));

/** Text and noise by turns, over several blocks. */
const mixed = Buffer.concat([
  Buffer.from("2026-11-23T10:00:00Z INFO request finished in 12 ms\n".repeat(30_000)),
  randomBytes(1_700_000),
  Buffer.from("key=value ".repeat(60_000)),
  randomBytes(300_000),
]);

describe("gzip", () => {
  it("gives back what it was given, at every level and whatever the chunks", async () => {
    for (const level of [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const compressed = await compress(mixed, level, 100_001);

      assert.ok(gunzipSync(compressed).equals(mixed), `level ${level}`);
    }
  });

  it("gives back any bytes in any chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 4000 }),
        fc.integer({ min: 0, max: 3000 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: -2, max: 9 }),
        async (bytes, repeats, chunkBytes, level) => {
          const input = Buffer.concat([bytes, Buffer.alloc(repeats * 500, Buffer.from([7, ...bytes]))]);
          const size = Math.max(chunkBytes, Math.floor(input.length / 500));

          const compressed = await compress(input, level, size);

          assert.ok((await decompress(chunked(compressed, chunkBytes + 10))).equals(input));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("writes members without name and time, which say nothing about the system, but how long they are", async () => {
    const members = await compress(mixed);
    let count = 0;

    for (let at = 0; at < members.length; count++) {
      const head = members.subarray(at, at + 20).toString("hex");
      assert.match(head, /^1f8b08040000000000ff08004f520400/);
      const length = members.readUInt32LE(at + 16);
      const content = gunzipSync(members.subarray(at, at + length));
      assert.equal(content.length, members.readUInt32LE(at + length - 4));
      at += length;
    }
    assert.equal(count, Math.ceil(mixed.length / 2 ** 20));
  });

  it("says in the header which of zlib's extremes it used", async () => {
    const header = async (level: number) =>
      (await compress(Buffer.from("x"), level)).subarray(0, 10).toString("hex");

    assert.equal(await header(-1), "1f8b08040000000000ff");
    assert.equal(await header(1), "1f8b08040000000004ff");
    assert.equal(await header(9), "1f8b08040000000002ff");
  });

  it("makes an archive of nothing, too", async () => {
    for (const level of [-1, 0]) {
      const nothing = await compress(Buffer.alloc(0), level);
      assert.equal(gunzipSync(nothing).length, 0);
      assert.equal((await decompress(chunked(nothing, 5))).length, 0);
    }
  });

  it("stays within 3 % of one zlib stream at level 6", async () => {
    const text = Buffer.from(
      Array.from(
        { length: 100_000 },
        (_, line) => `${line} ${(line * 2654435761) % 100003} step ${line % 77}\n`,
      ).join(""),
    );

    const size = (await compress(text)).length;

    assert.ok(size < gzipSync(text).length * 1.03, `${size} against ${gzipSync(text).length}`);
  });

  it("is as small at each level as the level promises, for source text and for numbers", {
    skip: openNativeDeflate() === undefined && "zlib's own levels are what they are",
  }, async () => {
    const contents = { source: await sourceText(), floats: floats(4 * 1024 * 1024) };
    const promises = [
      { level: -1, zlib: 6, shareMax: 1.03 },
      { level: 6, zlib: 6, shareMax: 1.01 },
      { level: 9, zlib: 9, shareMax: 1 },
    ];
    for (const [name, content] of Object.entries(contents)) {
      for (const { level, zlib, shareMax } of promises) {
        const share = (await compress(content, level)).length / gzipSync(content, { level: zlib }).length;

        assert.ok(share <= shareMax, `${name}, level ${level}: ${share} of zlib's ${zlib}`);
      }
    }
  });

  it("makes the same bytes of the same content each time", async () => {
    const content = await sourceText();

    assert.ok((await compress(content)).equals(await compress(content, undefined, 1_000_003)));
  });

  it("stores noise without growing it and compresses the text that follows", async () => {
    const noise = randomBytes(8 * 1024 * 1024);
    const text = Buffer.alloc(8 * 1024 * 1024, "a line of text\n");

    const size = (await compress(Buffer.concat([noise, text]))).length;

    assert.ok(size < noise.length * 1.01 + text.length / 10, `${size} bytes`);
  });

  it("is read by gzip, Python and Go's rules", async (t) => {
    const folder = await makeFolder(t);
    const path = join(folder, "data.gz");
    await writeFile(path, await compress(mixed));

    if (hasProgram(t, "gzip")) {
      await run("gzip", ["-dkf", path]);
      assert.ok((await readFile(join(folder, "data"))).equals(mixed));
    }
    if (hasProgram(t, "python3")) {
      const script = "import gzip,sys,zlib; print(zlib.crc32(gzip.open(sys.argv[1]).read()))";
      const { crc32 } = await import("node:zlib");
      assert.equal((await run("python3", ["-c", script, path])).trim(), String(crc32(mixed)));
    }
  });

  it("refuses a level that does not exist", () => {
    for (const level of [10, -5, 1.5]) {
      assert.throws(
        () => gzip({ level }),
        (error) =>
          isExecutorError(error, "BadRequest") &&
          error.message.startsWith(`gzip: invalid compression level: ${level}`),
      );
    }
  });

  it("fails when its source fails", async () => {
    const source = Readable.from(
      (async function* () {
        yield randomBytes(600_000);
        throw new Error("disk gone");
      })(),
    );

    await assert.rejects(pipeline(source, gzip(), collect), /disk gone/);
  });
});

describe("gunzip", () => {
  it("reads its own members and foreign ones in any order, wherever the chunks end", async () => {
    const own = await compress(Buffer.from("own "));
    const foreign = gzipSync("foreign ");
    for (const members of [
      [own, own, own],
      [own, foreign, own],
      [foreign, own],
      [own, own, foreign, foreign],
    ]) {
      const whole = Buffer.concat(members);
      for (let size = 1; size <= whole.length; size += 3) {
        const text = members.map((each) => (each === own ? "own " : "foreign ")).join("");
        assert.equal((await decompress(chunked(whole, size))).toString(), text);
      }
    }
  });

  it("takes no memory for what a member claims to hold", async () => {
    const bomb = await compress(Buffer.alloc(1000));
    const large = gzipSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 });
    const head = Buffer.from(bomb.subarray(0, 20));
    head.writeUInt32LE(20 + large.length - 10, 16);
    const claims = Buffer.concat([head, large.subarray(10)]);
    claims.writeUInt32LE(100, claims.length - 4);

    await assert.rejects(decompress(chunked(claims, 65536)), (error) => isExecutorError(error, "Corrupt"));
  });

  it("calls a member whose length is wrong corrupt", async () => {
    const whole = Buffer.concat([await compress(Buffer.from("one")), await compress(Buffer.from("two"))]);
    for (const difference of [-9, -1, 1, 9, 30, 1000]) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt32LE(whole.readUInt32LE(16) + difference, 16);

      await assert.rejects(decompress(chunked(damaged, 100)), (error) => isExecutorError(error, "Corrupt"));
    }
  });

  it("R15: reads members one after the other, wherever the chunks end", async () => {
    const members = Buffer.concat([gzipSync("one "), gzipSync(""), gzipSync("two "), gzipSync("three")]);

    for (let size = 1; size <= members.length; size++) {
      assert.equal((await decompress(chunked(members, size))).toString(), "one two three");
    }
  });

  it("ignores zeros after the last member, even many", async () => {
    const zeros = Buffer.alloc(3_000_000);
    const ownPadded = Buffer.concat([await compress(Buffer.from("text")), zeros]);
    for (const size of [10, 44, 46, 50, 65_536]) {
      const bytes = ownPadded.subarray(0, size < 100 ? 200 : undefined);
      assert.equal((await decompress(chunked(bytes, size))).toString(), "text");
    }
    const padded = Buffer.concat([gzipSync("text"), zeros]);

    for (const size of [10, 23, 24, 25, 65_536, padded.length]) {
      assert.equal(
        (await decompress(chunked(padded.subarray(0, size < 100 ? 200 : undefined), size))).toString(),
        "text",
      );
    }
  });

  it("calls anything else after the last member corrupt", async () => {
    const own = await compress(Buffer.from("text"));
    const tail = (bytes: Buffer) => Buffer.concat([gzipSync("text"), bytes]);

    for (const garbage of ["x", "\0\0x", "\0\0\0\x1f\x8b"]) {
      const bytes = Buffer.concat([own, Buffer.from(garbage, "latin1")]);
      await assert.rejects(decompress(chunked(bytes, 7)), (error) => isExecutorError(error, "Corrupt"));
    }
    for (const garbage of [
      Buffer.from("x"),
      Buffer.from("\0\0x"),
      Buffer.concat([Buffer.alloc(9), gzipSync("more")]),
    ]) {
      for (const size of [1, 7, 1000]) {
        await assert.rejects(decompress(chunked(tail(garbage), size)), (error) =>
          isExecutorError(error, "Corrupt"),
        );
      }
    }
  });

  it("calls a stream that was cut short corrupt, wherever it was cut", async () => {
    const content = randomBytes(2000);

    for (const whole of [gzipSync(content), await compress(content)]) {
      for (let length = 1; length < whole.length; length += 13) {
        await assert.rejects(decompress(chunked(whole.subarray(0, length), 100)), (error) =>
          isExecutorError(error, "Corrupt"),
        );
      }
    }
  });

  it("calls a stream with a flipped bit corrupt, or gives the same bytes", async () => {
    const text = Buffer.from("the quick brown fox jumps over the lazy dog ".repeat(50));
    for (const whole of [gzipSync(text), await compress(text)]) {
      for (let at = 0; at < whole.length * 8; at++) {
        const damaged = Buffer.from(whole);
        damaged.writeUInt8(damaged.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
        const result = await decompress(chunked(damaged, 64)).catch((error: unknown) => error);

        assert.ok(
          isExecutorError(result, "Corrupt") || (Buffer.isBuffer(result) && result.equals(text)),
          `bit ${at}: ${result}`,
        );
      }
    }
  });

  it("calls what is no gzip corrupt", async () => {
    await assert.rejects(decompress(chunked(Buffer.from("plain text"), 4)), (error) =>
      isExecutorError(error, "Corrupt"),
    );
  });
});
