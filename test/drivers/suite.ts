import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, link, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { createGzip } from "node:zlib";
import { unpack } from "../../src/archive/index.ts";
import { type ArtifactDriver, type DriverContext, openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Artifact } from "../../src/template/index.ts";
import { Outcomes } from "./conformance.ts";
import { describeFaults, type FaultyStore } from "./fault-suite.ts";
import { resolvingEither } from "./resolve-either.ts";
import {
  fileOf,
  fileThatStops,
  keysOf,
  noise,
  patience,
  streamContent,
  temporaryFolder,
  treeOf,
} from "./surroundings.ts";

/** A store for one test: where its artifacts live, and what a driver needs to get there. */
export interface StoreUnderTest {
  readonly context: DriverContext;
  artifact(key: string): Artifact;
  /** What stands before the keys of `artifact` in listings; by default nothing. */
  readonly keyPrefix?: string;
  /** Small files in a directory; a server that takes long over each gets fewer. Default 400. */
  readonly filesOfTree?: number;
  /** The same location under an identity that the store does not know. */
  strangers?(): { readonly context: DriverContext; readonly artifact: Artifact };
  /** An artifact in a bucket that is not there. */
  readonly elsewhere?: Artifact;
  /** What can be done to the way there; a store without it has tests of its own for it. */
  readonly faulty?: FaultyStore;
}

export type Ability =
  | "save"
  | "directories"
  | "delete"
  | "list"
  | "details"
  | "missing"
  | "buckets"
  | "faults"
  | "rotation"
  | "resume"
  /** Notice on the way a byte that changed. */
  | "checksums"
  /** Answers that say which bytes of an object they hold. */
  | "ranges"
  /** Begin to read only after saying what is there. */
  | "versions"
  /** Insist on a length in each answer. */
  | "lengths"
  /** Tell the store's confirmation from any page. */
  | "pages"
  | "colons"
  /** Signatures that a wrong clock spoils. */
  | "clock"
  /** Uploads in parts that a store may not have. */
  | "parts"
  /** A file and a directory, or its siblings, under names that a file system cannot hold side by side. */
  | "overlaps";

/** Why a driver cannot do something; each reason is in docs/contract/artifacts.md#1. */
export type Limits = Readonly<Partial<Record<Ability, string>>>;

/** Keys as people make them (docs/contract/scenarios.md#S15). */
const awkwardKeys = [
  "with blank/and  two",
  "hash#question?percent%25plus+amp&equals=colon:at@",
  "ünïcödé/日本/🜁",
  "quotes'\"<>",
  "dots/.../..a/b..",
  "tilde~star*paren()!",
  `long/${"x".repeat(200)}`,
];

/** What every driver has to do, or to refuse for a known reason. */
export function describeDriver(
  name: string,
  start: (t: TestContext) => Promise<StoreUnderTest>,
  cannot: Limits,
): void {
  const open = async (
    t: TestContext,
  ): Promise<{
    driver: ArtifactDriver;
    artifact: StoreUnderTest["artifact"];
    filesOfTree: number;
    /** Keys as listings have them. */
    full(...keys: readonly string[]): readonly string[];
  }> => {
    const { context, artifact, keyPrefix = "", filesOfTree = 400 } = await start(t);
    const driver = resolvingEither(await openDriver(artifact("unused"), context));
    t.after(() => driver[Symbol.asyncDispose]());
    return { driver, artifact, filesOfTree, full: (...keys) => keys.map((key) => keyPrefix + key) };
  };
  const refuses = async (work: Promise<unknown>) => {
    await assert.rejects(work, (error) => isExecutorError(error, "Unsupported", "BadRequest"));
  };

  const outcomes = new Outcomes(name);
  /** A test whose outcome goes into the conformance table. */
  const check = (
    title: string,
    cannotBecause: string | undefined,
    body: (t: TestContext) => Promise<void>,
  ) => {
    if (cannotBecause !== undefined) outcomes.note(title, { cannot: cannotBecause });
    it(title, { skip: cannotBecause }, async (t) => {
      outcomes.note(title, "fails");
      await body(t);
      outcomes.note(title, "holds");
    });
  };

  describe(`${name}: what every driver does`, () => {
    for (const [title, content] of [
      ["a small file", Buffer.from("hello\n")],
      ["an empty file", Buffer.alloc(0)],
      ["a file of many parts", noise(21 * 1024 * 1024 + 17)],
    ] as const) {
      check(`gives back ${title} as it was saved`, cannot.save, async (t) => {
        const { driver, artifact } = await open(t);

        await driver.saveFile(artifact("some/file.bin"), fileOf("file.bin", content), patience());

        assert.ok((await load(driver, artifact("some/file.bin"))).equals(content));
      });

      check(`gives back ${title} that was saved without knowing its size`, cannot.save, async (t) => {
        const { driver, artifact } = await open(t);

        await driver.saveFile(artifact("some/stream.bin"), streamContent("stream.bin", content), patience());

        assert.ok((await load(driver, artifact("some/stream.bin"))).equals(content));
      });
    }

    check("replaces what was there", cannot.save, async (t) => {
      const { driver, artifact } = await open(t);

      await driver.saveFile(artifact("same"), fileOf("same", "the first, which is longer"), patience());
      await driver.saveFile(artifact("same"), fileOf("same", "the second"), patience());

      assert.equal((await load(driver, artifact("same"))).toString(), "the second");
    });

    check("lets the content be read more than once", cannot.save, async (t) => {
      const { driver, artifact } = await open(t);
      await driver.saveFile(artifact("twice"), fileOf("twice", "again"), patience());

      const stored = await driver.open(artifact("twice"), patience());

      assert.equal(stored.kind, "file");
      if (stored.kind !== "file") return;
      assert.equal((await buffer(stored.openStream())).toString(), "again");
      assert.equal((await buffer(stored.openStream())).toString(), "again");
    });

    for (const key of awkwardKeys) {
      check(
        `S15: keeps the key ${JSON.stringify(key.slice(0, 40))} apart from all others`,
        cannot.save ?? (key.includes(":") ? cannot.colons : undefined),
        async (t) => {
          const { driver, artifact } = await open(t);

          await driver.saveFile(artifact(key), fileOf("x", `content of ${key}`), patience());

          assert.equal((await load(driver, artifact(key))).toString(), `content of ${key}`);
        },
      );
    }

    check("calls what is not there NotFound", cannot.missing, async (t) => {
      const { driver, artifact } = await open(t);
      await driver.saveFile(artifact("something"), fileOf("something", "x"), patience());

      await assert.rejects(driver.open(artifact("nothing/here"), patience()), (error) =>
        isExecutorError(error, "NotFound"),
      );
    });

    check("R14: brings a directory there and back", undefined, async (t) => {
      const { driver, artifact, filesOfTree } = await open(t);
      const files: Record<string, string | Uint8Array> = {
        "large.bin": noise(9 * 1024 * 1024),
        "empty.txt": "",
      };
      for (let index = 0; index < filesOfTree; index += 1)
        files[`sub${index % 5}/deep/file ${index}.txt`] = `file ${index}`;

      const saving = driver.saveTree(artifact("tree"), treeOf(files), patience());

      if (cannot.directories !== undefined) return await refuses(saving);
      await saving;
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
      for (const [path, content] of Object.entries(files)) {
        assert.ok((await readFile(join(folder, path))).equals(Buffer.from(content)), path);
      }
      assert.equal((await stat(join(folder, "empty.txt"))).mode & 0o777, 0o644);
      assert.equal((await stat(join(folder, "sub1/deep"))).mode & 0o777, 0o755);
    });

    check(
      "R17: brings links, hard links and closed folders there and back in an archive",
      cannot.save,
      async (t) => {
        const { driver, artifact } = await open(t);
        const tree = join(await temporaryFolder(t), "out");
        await mkdir(join(tree, "closed"), { recursive: true });
        await writeFile(join(tree, "closed/f"), "content");
        await link(join(tree, "closed/f"), join(tree, "hard"));
        const links = { relative: "closed/f", absolute: "/etc/hostname", dangling: "nowhere/at/all" };
        for (const [name, target] of Object.entries(links)) await symlink(target, join(tree, name));
        await chmod(join(tree, "closed"), 0o700);
        const archive = () => createGzip().end(execFileSync("tar", ["-c", "-C", tree, "."]));
        const content = { name: "out.tgz", sizeBytes: undefined, replayable: true, open: archive };

        await driver.saveFile(artifact("out.tgz"), content, patience());

        const stored = await driver.open(artifact("out.tgz"), patience());
        assert.equal(stored.kind, "file");
        if (stored.kind !== "file") return;
        const placed = join(await temporaryFolder(t), "in");
        await unpack(stored.openStream(), "tar", placed, { warn: assert.fail }, patience());
        for (const [name, target] of Object.entries(links))
          assert.equal(await readlink(join(placed, name)), target);
        assert.equal(await readFile(join(placed, "hard"), "utf8"), "content");
        assert.equal((await stat(join(placed, "hard"))).ino, (await stat(join(placed, "closed/f"))).ino);
        assert.equal((await stat(join(placed, "closed"))).mode & 0o777, 0o700);
      },
    );

    check("lists the keys of a directory and none of its siblings'", undefined, async (t) => {
      const { driver, artifact, full } = await open(t);
      if (cannot.list !== undefined) return await refuses(keysOf(driver, artifact("dir"), patience()));
      await driver.saveTree(artifact("dir"), treeOf({ "b.txt": "b", "a/c.txt": "cc" }), patience());
      await driver.saveFile(artifact("dir2/d.txt"), fileOf("d.txt", "d"), patience());

      const listed = await Array.fromAsync(driver.list(artifact("dir"), patience()));
      assert.deepEqual(
        listed.map(({ key }) => key),
        full("dir/a/c.txt", "dir/b.txt"),
      );
      if (cannot.details === undefined) {
        assert.deepEqual(
          listed.map(({ sizeBytes }) => sizeBytes),
          [2, 1],
        );
        for (const { modifiedMs = 0 } of listed) assert.ok(Math.abs(Date.now() - modifiedMs) < 86_400_000);
      }
      await assert.rejects(keysOf(driver, artifact("no-dir"), patience()), /no key found of name .*no-dir/);
    });

    check(
      "shows a directory that was saved where a file had been",
      cannot.directories ?? cannot.overlaps,
      async (t) => {
        const { driver, artifact } = await open(t);
        await driver.saveFile(artifact("out"), fileOf("out", "older"), patience());

        await driver.saveTree(artifact("out"), treeOf({ "a.txt": "a" }), patience());

        assert.equal((await driver.open(artifact("out"), patience())).kind, "directory");
      },
    );

    check("deletes a file, and is content when there is none", undefined, async (t) => {
      const { driver, artifact } = await open(t);
      if (cannot.delete !== undefined) return await refuses(driver.delete(artifact("gone"), patience()));
      await driver.saveFile(artifact("gone"), fileOf("gone", "x"), patience());

      await driver.delete(artifact("gone"), patience());
      await driver.delete(artifact("gone"), patience());

      await assert.rejects(driver.open(artifact("gone"), patience()), (error) =>
        isExecutorError(error, "NotFound"),
      );
    });

    check(
      "R23: deletes a directory whose key has no trailing slash, and spares its siblings",
      cannot.overlaps,
      async (t) => {
        const { driver, artifact, full } = await open(t);
        if (cannot.delete !== undefined) return await refuses(driver.delete(artifact("dir"), patience()));
        await driver.saveTree(artifact("dir"), treeOf({ "a.txt": "a", "b/c.txt": "c" }), patience());
        await driver.saveTree(artifact("slash"), treeOf({ "a.txt": "a" }), patience());
        for (const sibling of ["dir.txt", "dir2", "dir-x/y", "di"]) {
          await driver.saveFile(artifact(sibling), fileOf(sibling, "kept"), patience());
        }

        const outcomes = await driver.deleteMany(
          [artifact("dir"), artifact("never-there"), artifact("slash/")],
          patience(),
        );

        assert.deepEqual(outcomes, [undefined, undefined, undefined]);
        assert.deepEqual(
          await keysOf(driver, artifact(""), patience()),
          full("di", "dir-x/y", "dir.txt", "dir2"),
        );
      },
    );

    check("writes a large file where it is told to, mode 0644", cannot.save, async (t) => {
      const { driver, artifact } = await open(t);
      const content = noise(19 * 1024 * 1024 + 3);
      await driver.saveFile(artifact("large"), fileOf("large", content), patience());
      const path = join(await temporaryFolder(t), "large");

      const stored = await driver.open(artifact("large"), patience());

      assert.equal(stored.kind, "file");
      if (stored.kind !== "file" || stored.saveTo === undefined) return;
      await stored.saveTo(path);
      assert.ok((await readFile(path)).equals(content));
      assert.equal((await stat(path)).mode & 0o777, 0o644);
    });

    check(
      "refuses an identity that the store does not know, and shows no secret",
      cannot.buckets,
      async (t) => {
        const { strangers } = await start(t);
        assert.ok(strangers);
        const { context, artifact } = strangers();
        const work = async () => {
          await using driver = await openDriver(artifact, context);
          await driver.saveFile(artifact, fileOf("x", "x"), patience());
        };

        await assert.rejects(work, (error: Error) => {
          assert.ok(isExecutorError(error, "Unauthorized", "Forbidden"), `${error}`);
          assert.doesNotMatch(error.message, /wrong-secret/);
          return true;
        });
      },
    );

    check("does not call a missing bucket a missing artifact", cannot.buckets, async (t) => {
      const { context, elsewhere } = await start(t);
      assert.ok(elsewhere);
      await using driver = await openDriver(elsewhere, context);

      await assert.rejects(driver.open(elsewhere, patience()), (error) =>
        isExecutorError(error, "BadRequest"),
      );
      await assert.rejects(driver.saveFile(elsewhere, fileOf("x", "x"), patience()), (error) =>
        isExecutorError(error, "BadRequest", "NotFound"),
      );
    });

    check("stops at once although the source says nothing", cannot.save, async (t) => {
      const { driver, artifact } = await open(t);
      const stop = new AbortController();
      let isAsked: () => void = () => {};
      const asked = new Promise<void>((resolve) => {
        isAsked = resolve;
      });
      const silent = {
        name: "silent",
        sizeBytes: undefined,
        replayable: false,
        open: () => new Readable({ read: () => isAsked() }),
      };
      const saving = driver.saveFile(artifact("silent"), silent, stop.signal);
      saving.catch(() => {});

      await asked;
      stop.abort();

      await assert.rejects(saving);
      await assert.rejects(driver.open(artifact("silent"), patience()), (error) =>
        isExecutorError(error, "NotFound"),
      );
    });

    check("saves nothing when it is told to stop", cannot.save, async (t) => {
      const { driver, artifact } = await open(t);
      const stop = new AbortController();
      const content = fileThatStops("half", stop);

      await assert.rejects(driver.saveFile(artifact("half"), content, stop.signal));

      await assert.rejects(driver.open(artifact("half"), patience()), (error) =>
        isExecutorError(error, "NotFound"),
      );
    });
  });

  describeFaults(name, start, cannot, check);
}

/** All bytes of a stored file. */
export async function load(driver: ArtifactDriver, artifact: Artifact): Promise<Buffer> {
  const stored = await driver.open(artifact, patience());
  assert.equal(stored.kind, "file");
  return stored.kind === "file" ? await buffer(stored.openStream()) : Buffer.alloc(0);
}
