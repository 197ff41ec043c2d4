import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import fc from "fast-check";
import { gunzipPieces } from "../../src/archive/gunzip.ts";
import { gzip, unpack } from "../../src/archive/index.ts";
import { openNativeDeflate } from "../../src/archive/native-deflate.ts";
import { Shortcut, Written } from "../../src/archive/shortcut.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { chunked, collect, makeFolder } from "./places.ts";
import { rawTar } from "./raw-tar.ts";

const { signal } = new AbortController();
const mib = 1024 * 1024;
const compress = (bytes: Uint8Array) =>
  collect(Readable.from(chunked(bytes, 300_000), { objectMode: false }).pipe(gzip({})));
const noLibraries = openNativeDeflate() === undefined && "Node's zlib writes nothing by itself";

/** Text and noise by turns, no two stretches the same. */
function content(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 100_000) {
    const stretch = bytes.subarray(at, at + 100_000);
    if (at % 300_000 === 0) stretch.set(randomBytes(stretch.length));
    else stretch.fill(`${at} ${randomBytes(6).toString("hex")} request finished\n`);
  }
  return bytes;
}

/** Where each member of ours begins. */
function membersOf(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 16)) starts.push(at);
  return starts;
}

describe("large files of an archive", () => {
  it("are unpacked byte by byte, whatever their sizes and what lies between them", async (t) => {
    const folder = await makeFolder(t);
    let round = 0;
    const size = fc.oneof(
      fc.integer({ min: 0, max: 200_000 }),
      fc.integer({ min: 1, max: 4 * mib }),
      fc.constantFrom(mib - 512, mib, mib + 512, 3 * mib - 1024),
    );

    await fc.assert(
      fc.asyncProperty(fc.array(size, { minLength: 2, maxLength: 5 }), async (sizes) => {
        const files = sizes.map((each, n) => ({ name: `f${n}`, content: content(each) }));
        const destination = join(folder, String(round++));

        const packed = await compress(rawTar(files));
        await unpack(chunked(packed, 70_000), "tar", destination, { warn() {} }, signal);

        assert.deepEqual((await readdir(destination)).sort(), files.map(({ name }) => name).sort());
        for (const { name, content: expected } of files) {
          assert.ok((await readFile(join(destination, name))).equals(expected), `${name} of ${sizes}`);
        }
      }),
      { numRuns: 15 },
    );
  });

  it("take a later file of the same name for the earlier one", async (t) => {
    const folder = await makeFolder(t);
    const [first, second] = [content(5 * mib), content(3 * mib)];
    const packed = await compress(
      rawTar([
        { name: "a", content: first },
        { name: "a", content: second },
        { name: "b", content: "b" },
      ]),
    );

    await unpack(chunked(packed, 70_000), "tar", join(folder, "out"), { warn() {} }, signal);

    assert.ok((await readFile(join(folder, "out/a"))).equals(second));
  });

  it("are not there at all where a member in the middle is damaged", async (t) => {
    const folder = await makeFolder(t);
    const packed = await compress(rawTar([{ name: "a", content: content(9 * mib) }]));
    const [, , , fourth = 0, fifth = 0] = membersOf(packed);
    const damages: Record<string, (bytes: Buffer) => void> = {
      checksum: (bytes) => bytes.writeUInt32LE((bytes.readUInt32LE(fifth - 8) ^ 1) >>> 0, fifth - 8),
      shorter: (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(fifth - 4) - 1, fifth - 4),
      longer: (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(fifth - 4) + 1, fifth - 4),
      tooLong: (bytes) => bytes.writeUInt32LE(0xffffffff, fifth - 4),
      content: (bytes) => bytes.fill(0xff, fourth + 1000, fourth + 1100),
    };

    for (const [name, damage] of Object.entries(damages)) {
      const damaged = Buffer.from(packed);
      damage(damaged);
      const unpacking = unpack(chunked(damaged, 70_000), "tar", join(folder, "out"), { warn() {} }, signal);

      await assert.rejects(unpacking, (error) => isExecutorError(error, "Corrupt"), name);
      assert.deepEqual(await readdir(folder), []);
    }
  });

  it("are written by those who inflate them, and by nobody once the file is given back", {
    skip: noLibraries,
  }, async (t) => {
    const path = join(await makeFolder(t), "file");
    const whole = content(8 * mib);
    const packed = await compress(whole);
    await using file = await open(path, "w+");
    const shortcut = new Shortcut();
    const given = shortcut.open({ start: 0, end: whole.length, fd: file.fd });
    const pieces = gunzipPieces(chunked(packed, 70_000), shortcut, signal);

    const first = await pieces.next();
    await given[Symbol.asyncDispose]();
    const { size } = await file.stat();
    await file.truncate(0);
    const others: Buffer[] = [];
    for await (const piece of pieces) if (!(piece instanceof Written)) others.push(piece);

    assert.ok(first.value instanceof Written);
    assert.ok(size >= 2 * mib, `${size} bytes when it was given back`);
    assert.equal((await file.stat()).size, 0);
    assert.ok(whole.subarray(-mib * others.length).equals(Buffer.concat(others)));
  });

  it("leave what lies around them to their reader", { skip: noLibraries }, async (t) => {
    const path = join(await makeFolder(t), "file");
    const whole = content(6 * mib);
    const [start, end] = [mib / 2, 4 * mib + 10];
    const packed = await compress(whole);
    await using file = await open(path, "w+");
    const shortcut = new Shortcut();
    await using _ = shortcut.open({ start, end, fd: file.fd });

    let at = 0;
    let writtenBytes = 0;
    for await (const piece of gunzipPieces(chunked(packed, 70_000), shortcut, signal)) {
      if (piece instanceof Written) {
        assert.ok(at >= start && at + piece.sizeBytes <= end);
        at += piece.sizeBytes;
        writtenBytes += piece.sizeBytes;
        continue;
      }
      assert.ok(whole.subarray(at, at + piece.length).equals(piece));
      at += piece.length;
    }

    assert.equal(writtenBytes, 3 * mib);
    const written = await readFile(path);
    assert.ok(written.subarray(mib / 2).equals(whole.subarray(mib, 4 * mib)));
  });

  it("fail with what the file system says", { skip: noLibraries }, async () => {
    const packed = await compress(content(3 * mib));
    await using full = await open("/dev/full", "w");
    const shortcut = new Shortcut();
    await using _ = shortcut.open({ start: 0, end: 3 * mib, fd: full.fd });

    const reading = collect(gunzipPieces(chunked(packed, 70_000), shortcut, signal) as AsyncIterable<Buffer>);

    await assert.rejects(reading, { code: "ENOSPC", syscall: "write" });
  });

  it("end with the signal, and leave nothing", async (t) => {
    const folder = await makeFolder(t);
    const packed = await compress(rawTar([{ name: "a", content: content(20 * mib) }]));
    const stop = new AbortController();
    async function* half() {
      yield* chunked(packed.subarray(0, packed.length >> 1), 70_000);
      stop.abort(new Error("enough"));
      yield* chunked(packed.subarray(packed.length >> 1), 70_000);
    }

    const source = Readable.from(half(), { objectMode: false });
    await assert.rejects(unpack(source, "tar", join(folder, "out"), { warn() {} }, stop.signal), /enough/);

    assert.deepEqual(await readdir(folder), []);
  });
});
