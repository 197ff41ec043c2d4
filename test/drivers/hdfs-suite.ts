import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { type ArtifactDriver, openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Artifact, HdfsLocation } from "../../src/template/index.ts";
import {
  fileOf,
  keysOf,
  noise,
  patience,
  streamContent,
  surroundings,
  temporaryFolder,
  treeOf,
} from "./surroundings.ts";

export const hdfsArtifact = (
  addresses: readonly string[],
  path: string,
  more: HdfsLocation = {},
): Artifact => ({
  name: "artifact",
  hdfs: { addresses, path, hdfsUser: "root", ...more },
});

export async function load(driver: ArtifactDriver, artifact: Artifact): Promise<Buffer> {
  const stored = await driver.open(artifact, patience());
  assert.equal(stored.kind, "file");
  return stored.kind === "file" ? await buffer(stored.openStream()) : Buffer.alloc(0);
}

/** What HDFS does, on any server that speaks WebHDFS. Paths are absolute there, which the common suite's keys are not. */
export function describeHdfs(
  name: string,
  start: (t: TestContext) => Promise<readonly string[]>,
  skip: string | false = false,
): void {
  let folders = 0;
  const open = async (t: TestContext, more: HdfsLocation = { force: true }) => {
    const addresses = await start(t);
    folders += 1;
    const base = `/test-${process.pid}-${folders}`;
    const artifact = (path: string, its = more) => hdfsArtifact(addresses, `${base}/${path}`, its);
    const driver = await openDriver(artifact(""), surroundings());
    t.after(() => driver[Symbol.asyncDispose]());
    return { driver, artifact, base };
  };

  describe(name, { skip }, () => {
    for (const [title, content] of [
      ["a small file", Buffer.from("hello\n")],
      ["an empty file", Buffer.alloc(0)],
      ["a file of 21 MiB", noise(21 * 1024 * 1024 + 17)],
    ] as const) {
      it(`gives back ${title} as it was saved, with and without knowing its size`, async (t) => {
        const { driver, artifact } = await open(t);

        await driver.saveFile(artifact("some/file.bin"), fileOf("file.bin", content), patience());
        await driver.saveFile(
          artifact("some/stream.bin"),
          streamContent("stream.bin", content, false),
          patience(),
        );

        assert.ok((await load(driver, artifact("some/file.bin"))).equals(content));
        assert.ok((await load(driver, artifact("some/stream.bin"))).equals(content));
      });
    }

    it("replaces what is there with force, and refuses to without", async (t) => {
      const { driver, artifact, base } = await open(t, {});
      await driver.saveFile(artifact("same"), fileOf("same", "the first, which is longer"), patience());

      const refused = driver.saveFile(artifact("same"), fileOf("same", "x"), patience());

      await assert.rejects(refused, new RegExp(`create ${base}/same: file already exists; set hdfs\\.force`));
      await using forcing = await openDriver(artifact("same", { force: true }), surroundings());
      await forcing.saveFile(artifact("same"), fileOf("same", "the second"), patience());
      assert.equal((await load(driver, artifact("same"))).toString(), "the second");
      assert.deepEqual(await keysOf(driver, artifact(""), patience()), [`${base}/same`]);
    });

    for (const path of [
      "with blank/and  two",
      "hash#question?percent%25plus+amp&equals=at@;",
      "ünïcödé/日本/🜁",
      "quotes'\"<>",
      "dots/.../..a/b..",
      `long/${"x".repeat(200)}`,
    ]) {
      it(`S15: keeps the path ${JSON.stringify(path.slice(0, 40))} apart from all others`, async (t) => {
        const { driver, artifact } = await open(t);

        await driver.saveFile(artifact(path), fileOf("x", `content of ${path}`), patience());

        assert.equal((await load(driver, artifact(path))).toString(), `content of ${path}`);
      });
    }

    it("calls what is not there NotFound, in the reference's words", async (t) => {
      const { driver, artifact, base } = await open(t);

      await assert.rejects(driver.open(artifact("nothing"), patience()), (error: Error) => {
        assert.equal(error.message, `stat ${base}/nothing: file does not exist`);
        return isExecutorError(error, "NotFound");
      });
      await assert.rejects(keysOf(driver, artifact("nothing"), patience()), /no key found of name/);
    });

    it("R14: brings a directory there and back, and lists it", async (t) => {
      const { driver, artifact, base } = await open(t);
      const files: Record<string, string | Uint8Array> = {
        "large.bin": noise(9 * 1024 * 1024),
        "empty.txt": "",
      };
      for (let index = 0; index < 60; index += 1)
        files[`sub${index % 5}/deep/file ${index}.txt`] = `file ${index}`;

      await driver.saveTree(artifact("tree"), treeOf(files), patience());
      await driver.saveFile(artifact("tree2"), fileOf("x", "a sibling"), patience());

      const stored = await driver.open(artifact("tree"), patience());
      assert.equal(stored.kind, "directory");
      if (stored.kind !== "directory") return;
      const folder = await temporaryFolder(t);
      await stored.download(folder);
      const found = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
        entry.isFile(),
      );
      assert.equal(found.length, Object.keys(files).length);
      for (const [path, content] of Object.entries(files))
        assert.ok((await readFile(join(folder, path))).equals(Buffer.from(content)), path);
      assert.equal((await stat(join(folder, "empty.txt"))).mode & 0o777, 0o644);
      const keys = Object.keys(files).map((path) => `${base}/tree/${path}`);
      assert.deepEqual((await keysOf(driver, artifact("tree"), patience())).sort(), keys.sort());
    });

    it("R23: deletes files and directories, spares their siblings, and is content when there is nothing", async (t) => {
      const { driver, artifact, base } = await open(t);
      await driver.saveTree(artifact("dir"), treeOf({ "a.txt": "a", "b/c.txt": "c" }), patience());
      await driver.saveFile(artifact("dir2"), fileOf("x", "kept"), patience());
      await driver.saveFile(artifact("gone"), fileOf("x", "x"), patience());

      const outcomes = await driver.deleteMany(
        [artifact("dir"), artifact("gone"), artifact("never")],
        patience(),
      );

      assert.deepEqual(outcomes, [undefined, undefined, undefined]);
      assert.deepEqual(await keysOf(driver, artifact(""), patience()), [`${base}/dir2`]);
    });

    it("leaves nothing when it is told to stop", async (t) => {
      const { driver, artifact } = await open(t);
      await driver.saveFile(artifact("other"), fileOf("other", "x"), patience());
      const stop = new AbortController();
      const content = fileOf("half", noise(30 * 1024 * 1024));
      const stopping = {
        ...content,
        open: () => {
          const stream = content.open();
          let chunks = 0;
          stream.on("data", () => {
            chunks += 1;
            if (chunks === 100) stop.abort();
          });
          return stream.pause();
        },
      };

      await assert.rejects(driver.saveFile(artifact("half"), stopping, stop.signal));

      assert.equal((await keysOf(driver, artifact(""), patience())).length, 1);
    });
  });
}
