import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { gzipSync, constants as zlibConstants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { unpack, unzstd, zstd } from "../../src/archive/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { chunked, collect, makeFolder } from "./places.ts";
import { hasProgram, run } from "./programs.ts";
import { rawTar } from "./raw-tar.ts";

const compress = (bytes: Uint8Array, level?: number, chunkBytes = 65536) =>
  collect(zstd(chunked(bytes, chunkBytes), { level }));

const decompress = (source: AsyncIterable<Uint8Array>) =>
  collect(unzstd(source, new AbortController().signal));

const isCorrupt = (error: unknown) => isExecutorError(error, "Corrupt");

/** Text and noise by turns, over several blocks. */
const mixed = Buffer.concat([
  Buffer.from("2026-11-23T10:00:00Z INFO request finished in 12 ms\n".repeat(50_000)),
  randomBytes(2_700_000),
  Buffer.from("key=value ".repeat(60_000)),
]);

describe("zstd", () => {
  it("gives back what it was given, at every level", async () => {
    for (const level of [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const compressed = await compress(mixed, level, 100_001);

      assert.ok(zstdDecompressSync(compressed).equals(mixed), `level ${level}`);
    }
  });

  it("gives back any bytes in any chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 4000 }),
        fc.integer({ min: 0, max: 3000 }),
        fc.integer({ min: 1, max: 5000 }),
        async (bytes, repeats, chunkBytes) => {
          const input = Buffer.concat([bytes, Buffer.alloc(repeats * 500, Buffer.from([7, ...bytes]))]);
          const size = Math.max(chunkBytes, Math.floor(input.length / 500));

          const compressed = await compress(input, undefined, size);

          assert.ok((await decompress(chunked(compressed, chunkBytes + 10))).equals(input));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("is read by the zstd program, and reads what it writes", async (t) => {
    if (!hasProgram(t, "zstd")) return;
    const folder = await makeFolder(t);
    const path = join(folder, "data.zst");
    await writeFile(path, await compress(mixed));

    await run("zstd", ["-d", "-q", path, "-o", join(folder, "data")]);
    await run("zstd", [
      "-q",
      "-19",
      "--ultra",
      "--long=27",
      join(folder, "data"),
      "-o",
      join(folder, "long.zst"),
    ]);

    assert.ok((await readFile(join(folder, "data"))).equals(mixed));
    assert.ok((await decompress(chunked(await readFile(join(folder, "long.zst")), 65_536))).equals(mixed));
  });

  it("refuses a level that does not exist", async () => {
    for (const level of [10, -5, 1.5]) {
      await assert.rejects(
        compress(mixed, level),
        (error) =>
          isExecutorError(error, "BadRequest") &&
          error.message.startsWith(`zstd: invalid compression level: ${level}`),
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

    await assert.rejects(collect(zstd(source)), /disk gone/);
  });
});

describe("unzstd", () => {
  it("reads frames one after the other and skips those that are to be skipped, wherever the chunks end", async () => {
    const skipped = Buffer.from("502a4d180300000061626300", "hex").subarray(0, 11);
    const frames = Buffer.concat([
      zstdCompressSync("one "),
      skipped,
      zstdCompressSync("two "),
      zstdCompressSync("three"),
    ]);

    for (let size = 1; size <= frames.length; size++) {
      assert.equal((await decompress(chunked(frames, size))).toString(), "one two three");
    }
  });

  it("ignores zeros after the last frame, and calls anything else corrupt", async () => {
    const frame = zstdCompressSync("text");

    for (const size of [1, 7, 1000]) {
      const padded = Buffer.concat([frame, Buffer.alloc(300)]);
      assert.equal((await decompress(chunked(padded, size))).toString(), "text");
      for (const garbage of ["x", "\0\0x", "\x28\xb5\x2f", "a longer text"]) {
        const bytes = Buffer.concat([frame, Buffer.from(garbage, "latin1")]);
        await assert.rejects(decompress(chunked(bytes, size)), isCorrupt, JSON.stringify(garbage));
      }
    }
  });

  it("calls a stream that was cut short corrupt, wherever it was cut", async () => {
    const content = randomBytes(2000);
    const own = await compress(content);
    const two = Buffer.concat([zstdCompressSync("text"), zstdCompressSync("more text")]);
    // Between two frames nobody can tell.
    const ends = new Map([
      [own, 16],
      [two, zstdCompressSync("text").length],
    ]);

    for (const whole of [zstdCompressSync(content), own, two]) {
      for (let length = 1; length < whole.length; length += whole === two || length < 30 ? 1 : 13) {
        if (length === ends.get(whole)) continue;
        await assert.rejects(decompress(chunked(whole.subarray(0, length), 100)), isCorrupt, `${length}`);
      }
    }
  });

  it("calls a frame of ours with a flipped bit corrupt, or gives the same bytes", async () => {
    const text = Buffer.from("the quick brown fox jumps over the lazy dog ".repeat(50));
    const whole = await compress(text);
    // Behind the mark, whose content means nothing to a reader.
    for (let at = 16 * 8; at < whole.length * 8; at++) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
      const result = await decompress(chunked(damaged, 64)).catch((error: unknown) => error);

      assert.ok(
        isExecutorError(result, "Corrupt", "TooLarge") || (Buffer.isBuffer(result) && result.equals(text)),
        `bit ${at}: ${result}`,
      );
    }
  });

  it("takes no memory for a window above 128 MiB", async () => {
    const huge = Buffer.from("28b52ffd00f8010000", "hex");

    await assert.rejects(
      decompress(chunked(huge, 100)),
      (error) => isExecutorError(error, "TooLarge") && error.message.includes("--long"),
    );
  });

  it("calls what is no zstd corrupt", async () => {
    await assert.rejects(decompress(chunked(Buffer.from("plain text"), 4)), isCorrupt);
  });
});

describe("unpacking zstd", () => {
  const tar = rawTar([{ name: "hello.txt", content: "hello" }]);
  const { signal } = new AbortController();
  const quiet = { warn() {} };

  it("unpacks whatever zstd where tar is asked for", async (t) => {
    const folder = await makeFolder(t);
    const level19 = { params: { [zlibConstants.ZSTD_c_compressionLevel]: 19 } };
    const inputs = {
      foreign: zstdCompressSync(tar),
      best: zstdCompressSync(tar, level19),
      skipped: Buffer.concat([Buffer.from("502a4d1800000000", "hex"), zstdCompressSync(tar)]),
      own: await compress(tar),
    };

    for (const [name, bytes] of Object.entries(inputs)) {
      await unpack(chunked(bytes, 333), "tar", join(folder, name), quiet, signal);
      assert.equal(await readFile(join(folder, name), "utf8"), "hello", name);
    }
  });

  it("unpacks on its own only archives of ours; all else stays the file it is", async (t) => {
    const folder = await makeFolder(t);
    const files = {
      "their.tar.zst": zstdCompressSync(tar),
      "log.zst": await compress(Buffer.from("a line of text\n".repeat(100))),
      "short.zst": await compress(Buffer.from("text")),
      "double.zst": await compress(gzipSync(tar)),
      "cut.zst": (await compress(tar)).subarray(0, 20),
    };

    for (const [name, bytes] of Object.entries(files)) {
      await unpack(chunked(bytes, 333), "auto", join(folder, name), quiet, signal);
      assert.ok((await readFile(join(folder, name))).equals(bytes), name);
    }
    await unpack(chunked(await compress(tar), 333), "auto", join(folder, "own"), quiet, signal);

    assert.equal(await readFile(join(folder, "own"), "utf8"), "hello");
  });

  it("places nothing of a damaged archive", async (t) => {
    const folder = await makeFolder(t);
    const bytes = await compress(rawTar([{ name: "a", content: randomBytes(10_000) }]));
    const cut = bytes.subarray(0, bytes.length - 10);

    await assert.rejects(unpack(chunked(cut, 333), "tar", join(folder, "a"), quiet, signal), isCorrupt);
    await assert.rejects(readFile(join(folder, "a")), { code: "ENOENT" });
  });
});
