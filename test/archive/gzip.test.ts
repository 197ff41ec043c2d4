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
import { isExecutorError } from "../../src/errors/index.ts";
import { chunked, collect, makeFolder } from "./places.ts";
import { hasProgram, run } from "./programs.ts";

const compress = (bytes: Uint8Array, level?: number, chunkBytes = 65536) =>
  collect(Readable.from(chunked(bytes, chunkBytes), { objectMode: false }).pipe(gzip({ level })));

const decompress = async (source: AsyncIterable<Uint8Array>) => {
  const stream = gunzip();
  const [output] = await Promise.all([collect(stream), pipeline(source, stream)]);
  return output;
};

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

  it("writes one member without name and time, and says nothing about the system", async () => {
    const header = async (level: number) =>
      (await compress(Buffer.from("x"), level)).subarray(0, 10).toString("hex");

    assert.equal(await header(-1), "1f8b08000000000000ff");
    assert.equal(await header(1), "1f8b08000000000004ff");
    assert.equal(await header(9), "1f8b08000000000002ff");
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
  it("R15: reads members one after the other, wherever the chunks end", async () => {
    const members = Buffer.concat([gzipSync("one "), gzipSync(""), gzipSync("two "), gzipSync("three")]);

    for (let size = 1; size <= members.length; size++) {
      assert.equal((await decompress(chunked(members, size))).toString(), "one two three");
    }
  });

  it("ignores zeros after the last member, even many", async () => {
    const padded = Buffer.concat([gzipSync("text"), Buffer.alloc(3_000_000)]);

    for (const size of [10, 23, 24, 25, 65_536, padded.length]) {
      assert.equal(
        (await decompress(chunked(padded.subarray(0, size < 100 ? 200 : undefined), size))).toString(),
        "text",
      );
    }
  });

  it("calls anything else after the last member corrupt", async () => {
    const tail = (bytes: Buffer) => Buffer.concat([gzipSync("text"), bytes]);

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
    const whole = gzipSync(randomBytes(2000));

    for (let length = 1; length < whole.length; length += 13) {
      await assert.rejects(decompress(chunked(whole.subarray(0, length), 100)), (error) =>
        isExecutorError(error, "Corrupt"),
      );
    }
  });

  it("calls a stream with a flipped bit corrupt, or gives the same bytes", async () => {
    const text = Buffer.from("the quick brown fox jumps over the lazy dog ".repeat(50));
    const whole = gzipSync(text);

    for (let at = 0; at < whole.length * 8; at += 7) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
      const result = await decompress(chunked(damaged, 64)).catch((error: unknown) => error);

      assert.ok(
        isExecutorError(result, "Corrupt") || (Buffer.isBuffer(result) && result.equals(text)),
        `bit ${at}: ${result}`,
      );
    }
  });

  it("calls what is no gzip corrupt", async () => {
    await assert.rejects(decompress(chunked(Buffer.from("plain text"), 4)), (error) =>
      isExecutorError(error, "Corrupt"),
    );
  });
});
