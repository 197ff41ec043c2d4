import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { MainServer, OutputRequests, ServedFiles } from "../../src/outputs/index.ts";
import { PodPaths } from "../../src/podfiles/index.ts";
import type { ByteSink } from "../../src/streams/index.ts";

const { signal } = new AbortController();

function frame(type: string, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const head = Buffer.alloc(9);
  head.write(type);
  head.writeBigUInt64BE(BigInt(bytes.length), 1);
  return Buffer.concat([head, bytes]);
}

const file = frame("S", "file 5 0 644");
const folder = frame("S", "directory - 0 755");
const end = frame("E", "");

/** Somebody who took the place of main's emissary, and answers every request with these bytes. */
async function liar(t: TestContext, ...answer: readonly Buffer[]): Promise<OutputRequests> {
  const root = mkdtempSync(join(tmpdir(), "o-"));
  const paths = new PodPaths(root);
  mkdirSync(paths.container("main"), { recursive: true });
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(Buffer.concat(answer)));
  });
  await new Promise<void>((done) => server.listen(join(paths.container("main"), "outputs"), done));
  t.after(() => {
    server.close();
    rmSync(root, { recursive: true });
  });
  return new OutputRequests(new MainServer(paths), () => {}, 300);
}

class Collected implements ByteSink {
  readonly bytes = Buffer.alloc(1 << 20);
  length = 0;
  space(): Uint8Array {
    return this.bytes.subarray(this.length);
  }
  filled(count: number): void {
    this.length += count;
  }
}

async function namesOf(requests: OutputRequests): Promise<readonly string[]> {
  const names: string[] = [];
  const files = new ServedFiles(requests, () => {});
  for await (const { path } of files.tree("/out", signal).files(signal)) names.push(path);
  return names;
}

describe("a server of outputs that lies", () => {
  for (const name of [
    "../../other-tenant/model.bin",
    "a/../../b",
    "/etc/passwd",
    "a//b",
    "./a",
    "a/",
    "",
    "a\0b",
  ]) {
    it(`cannot name a file ${JSON.stringify(name)}`, async (t) => {
      const requests = await liar(t, folder, frame("N", `file 1 ${name}`), frame("D", "x"), end);

      await assert.rejects(namesOf(requests), { code: "Corrupt" });
    });
  }

  it("names files that can be", async (t) => {
    const answer = [folder, frame("N", "file 1 a/..b"), frame("D", "x"), frame("N", "symlink l"), end];

    assert.deepEqual(await namesOf(await liar(t, ...answer)), ["a/..b"]);
  });

  it("cannot send more than was asked for, nor more than a file's size", async (t) => {
    const more = await liar(t, file, frame("D", "123456"), end);

    await assert.rejects(buffer(more.read("/out", 0, 5, signal)), { code: "Corrupt" });
    await assert.rejects(more.readInto("/out", { offset: 0, length: 5 }, new Collected(), signal), {
      code: "Corrupt",
    });
    for (const data of ["123456", "1234"]) {
      const tree = await liar(t, folder, frame("N", "file 5 a"), frame("D", data), end);
      await assert.rejects(namesOf(tree), { code: "Corrupt" });
    }
  });

  it("must say what a path is, once and first", async (t) => {
    for (const answer of [
      [frame("D", "12345"), end],
      [file, file, end],
      [end],
      [frame("S", "file -1 0 644"), end],
      [frame("S", "file"), end],
      [frame("S", "treasure"), end],
      [file, frame("N", "file 1 a"), end],
    ]) {
      const requests = await liar(t, ...answer);
      await assert.rejects(buffer(requests.read("/out", 0, 5, signal)), { code: "Corrupt" });
    }
  });

  it("cannot keep us waiting", async (t) => {
    const silent = await liar(t, file, frame("D", "12"));

    await assert.rejects(buffer(silent.read("/out", 0, 5, signal)), { code: "Timeout" });
    await assert.rejects(silent.readInto("/out", { offset: 0, length: 5 }, new Collected(), signal), {
      code: "Timeout",
    });
    await assert.rejects((await liar(t)).stat("/out", signal), { code: "Timeout" });
  });

  it("is read as before where it does not", async (t) => {
    const requests = await liar(t, file, frame("D", "123"), frame("D", "45"), end);
    const sink = new Collected();

    assert.equal((await buffer(requests.read("/out", 0, 5, signal))).toString(), "12345");
    await requests.readInto("/out", { offset: 0, length: 5 }, sink, signal);
    assert.equal(sink.bytes.toString("latin1", 0, sink.length), "12345");
    assert.deepEqual(await requests.stat("/out", signal), { kind: "file", sizeBytes: 5 });
  });
});
