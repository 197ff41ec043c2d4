import assert from "node:assert/strict";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, type TestContext } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import type { Front, FrontFault } from "../servers/front.ts";
import type { Limits, StoreUnderTest } from "./suite.ts";
import { fileOf, keysOf, noise, patience, streamContent, temporaryFolder, treeOf } from "./surroundings.ts";

type Where = Pick<FrontFault, "method" | "path">;

/** A store behind a front that does what servers and networks do on bad days. */
export interface FaultyStore {
  readonly front: Front;
  /** Requests that read an object's bytes. */
  readonly read: Where;
  /** Requests that look up one object. */
  readonly lookup: Where;
  /** Requests that store a small object. */
  readonly write: Where;
  /** Requests that store a part of a large one. */
  readonly part: Where;
  readonly list: Where;
  /** The answer to a look-up without the object's length. */
  readonly withoutLength: { readonly headers?: Record<string, undefined>; body?(text: string): string };
  /** A whole page of a listing, made to say that there is more. */
  endless?(text: string): string;
  /** Requests that begin an upload in parts, where the store has such. */
  readonly begin?: Where;
  /** Sets the store's clock, or that of who gives out its tokens, so much ahead. */
  skew?(offsetMs: number): void;
  /** Replaces the secret and lets the store take nothing but the new one. */
  rotate?(): void;
}

const mib = 1024 * 1024;
const page = "<html><body>Please log in to the network</body></html>";
const html = { "content-type": "text/html", "content-length": String(page.length) };
type Check = (title: string, cannot: string | undefined, body: (t: TestContext) => Promise<void>) => void;

/** What every store has to survive, or to notice. */
export function describeFaults(
  name: string,
  start: (t: TestContext) => Promise<StoreUnderTest>,
  {
    faults: cannot,
    rotation,
    resume,
    checksums,
    ranges,
    clock,
    parts,
    list,
    versions,
    lengths,
    pages,
  }: Limits,
  check: Check,
): void {
  const open = async (t: TestContext) => {
    const { context, artifact, faulty } = await start(t);
    assert.ok(faulty);
    const driver = await openDriver(artifact("unused"), context);
    t.after(() => driver[Symbol.asyncDispose]());
    const strike = (where: Where, effect: FrontFault["effect"], times?: number) =>
      faulty.front.addFault({ ...where, effect, ...(times === undefined ? {} : { times }) });
    const read = async (key: string) => {
      const stored = await driver.open(artifact(key), patience());
      return stored.kind === "file" ? await buffer(stored.openStream()) : Buffer.alloc(0);
    };
    return { driver, artifact, faulty, strike, read };
  };

  describe(`${name}: what goes wrong on the way`, () => {
    for (const kind of ["reset", "truncate"] as const) {
      check(`takes a download up again where the connection broke (${kind})`, cannot, async (t) => {
        const { driver, artifact, faulty, strike, read } = await open(t);
        const content = noise(11 * mib + 5);
        await driver.saveFile(artifact("f"), fileOf("f", content), patience());
        const effect =
          kind === "reset"
            ? ({ kind, of: "answer", afterBytes: mib } as const)
            : ({ kind, afterBytes: mib } as const);
        strike(faulty.read, effect, 4);

        assert.ok((await read("f")).equals(content));
      });
    }

    check(
      "takes an upload up again after a connection that broke in the middle of a part",
      cannot ?? resume,
      async (t) => {
        const { driver, artifact, faulty, strike, read } = await open(t);
        const content = noise(21 * mib + 11);
        strike(faulty.part, { kind: "reset", of: "request", afterBytes: 3 * mib }, 2);

        await driver.saveFile(artifact("up"), streamContent("up", content), patience());

        assert.ok((await read("up")).equals(content));
      },
    );

    check("R10: repeats what a proxy answered with 503 and a web page", cannot, async (t) => {
      const { driver, artifact, faulty, strike, read } = await open(t);
      strike(faulty.write, { kind: "answer", status: 503, headers: html, body: page }, 2);
      strike(faulty.read, { kind: "answer", status: 503, headers: html, body: page }, 2);

      await driver.saveFile(artifact("a"), fileOf("a", "content"), patience());

      assert.equal((await read("a")).toString(), "content");
    });

    check("R11: repeats what a connection that is reset before the answer lost", cannot, async (t) => {
      const { driver, artifact, faulty, strike, read } = await open(t);
      strike(faulty.write, { kind: "reset", of: "request", afterBytes: 1 }, 1);

      await driver.saveFile(artifact("a"), fileOf("a", "content"), patience());

      assert.equal((await read("a")).toString(), "content");
    });

    check(
      "R21: sends the bytes of the source, and no frames of signatures or checksums between them",
      cannot,
      async (t) => {
        const { driver, artifact, faulty, read } = await open(t);
        const content = noise(21 * mib + 11);
        await driver.saveFile(artifact("small"), fileOf("small", "content"), patience());
        await driver.saveFile(artifact("known"), fileOf("known", content), patience());

        assert.ok((await read("known")).equals(content));
        let sentBytes = 0;
        for (const { method, headers } of faulty.front.requests) {
          if (method === "GET" || method === "HEAD") continue;
          // aws-chunked of S3 and OSS, structured messages of Azure.
          assert.doesNotMatch(String(headers["x-amz-content-sha256"]), /STREAMING/);
          for (const name of ["content-encoding", "x-amz-trailer", "x-ms-structured-body", "x-oss-trailer"])
            assert.equal(headers[name], undefined, name);
          sentBytes += Number(headers["content-length"] ?? 0);
        }
        // The requests that begin and end uploads in parts have bodies of their own.
        const sourceBytes = content.byteLength + "content".length;
        assert.ok(
          sentBytes >= sourceBytes && sentBytes < sourceBytes + 64 * 1024,
          `${sentBytes} bytes were sent`,
        );
      },
    );

    check("R12: waits as long as the store asks when its rate is exceeded (429)", cannot, async (t) => {
      const { driver, artifact, faulty, strike, read } = await open(t);
      strike(faulty.write, { kind: "answer", status: 429, headers: { "retry-after": "1" } }, 1);
      const startedMs = performance.now();

      await driver.saveFile(artifact("a"), fileOf("a", "content"), patience());

      assert.ok(performance.now() - startedMs >= 1000);
      assert.equal((await read("a")).toString(), "content");
    });

    check("stops at once although the store says nothing any more", cannot, async (t) => {
      const { driver, artifact, faulty, strike } = await open(t);
      await driver.saveFile(artifact("f"), fileOf("f", noise(3 * mib)), patience());
      strike(faulty.read, { kind: "stall", afterBytes: mib, ms: 60_000 });
      const stop = new AbortController();
      const stored = await driver.open(artifact("f"), stop.signal);
      assert.equal(stored.kind, "file");
      if (stored.kind !== "file") return;
      const stream = stored.openStream();

      stream.once("data", () => stop.abort());

      await assert.rejects(buffer(stream));
    });

    for (const size of [mib, 20 * mib]) {
      check(`notices a byte that changed on the way (${size / mib} MiB)`, cannot ?? checksums, async (t) => {
        const { driver, artifact, faulty, strike, read } = await open(t);
        await driver.saveFile(artifact("f"), streamContent("f", noise(size)), patience());
        strike(faulty.read, { kind: "corrupt", at: 1000 }, 1);

        await assert.rejects(read("f"), (error) => isExecutorError(error, "Corrupt"));
      });
    }

    check("notices another range than it asked for", cannot ?? ranges, async (t) => {
      const { driver, artifact, faulty, strike, read } = await open(t);
      await driver.saveFile(artifact("f"), fileOf("f", noise(9 * mib)), patience());
      const headers = { "content-range": `bytes 17-${4 * mib + 16}/${9 * mib}` };
      strike(faulty.read, { kind: "lie", headers });

      await assert.rejects(read("f"), (error) => isExecutorError(error, "Corrupt"));
    });

    check(
      "does not mix two versions of an object that is replaced while it is read",
      cannot ?? versions,
      async (t) => {
        const { driver, artifact } = await open(t);
        await driver.saveFile(artifact("f"), fileOf("f", noise(30 * mib)), patience());
        const stored = await driver.open(artifact("f"), patience());
        assert.equal(stored.kind, "file");
        if (stored.kind !== "file") return;

        await driver.saveFile(artifact("f"), fileOf("f", noise(mib)), patience());

        await assert.rejects(buffer(stored.openStream()), (error) => isExecutorError(error, "Conflict"));
      },
    );

    check("does not take a missing length for an empty file", cannot ?? lengths, async (t) => {
      const { driver, artifact, faulty, strike } = await open(t);
      await driver.saveFile(artifact("f"), fileOf("f", "content"), patience());
      strike(faulty.lookup, { kind: "lie", ...faulty.withoutLength });

      await assert.rejects(
        driver.open(artifact("f"), patience()),
        (error) => !isExecutorError(error, "NotFound"),
      );
    });

    check("does not take a web page for the confirmation of a write", cannot ?? pages, async (t) => {
      const { driver, artifact, faulty, strike } = await open(t);
      strike(faulty.write, { kind: "answer", status: 200, headers: html, body: page });

      await assert.rejects(driver.saveFile(artifact("a"), fileOf("a", "content"), patience()));
    });

    check("does not take a web page for a listing", cannot ?? list, async (t) => {
      const { driver, artifact, faulty, strike } = await open(t);
      await driver.saveTree(artifact("dir"), treeOf({ "a.txt": "a" }), patience());
      strike(faulty.list, { kind: "answer", status: 200, headers: html, body: page });

      await assert.rejects(
        keysOf(driver, artifact("dir"), patience()),
        (error) => !isExecutorError(error, "NotFound"),
      );
    });

    check("S1: does not take half a listing for a whole one", cannot ?? list, async (t) => {
      const { driver, artifact, faulty, strike } = await open(t);
      const tree = treeOf({ "a.txt": "a", "b.txt": "b", "c.txt": "c" });
      await driver.saveTree(artifact("dir"), tree, patience());
      strike(faulty.list, { kind: "lie", body: (text) => text.slice(0, text.length - 30) });
      const folder = join(await temporaryFolder(t), "in");

      const load = async () => {
        const stored = await driver.open(artifact("dir"), patience());
        if (stored.kind === "directory") await stored.download(folder);
      };

      await assert.rejects(load, (error) => !isExecutorError(error, "NotFound"));
    });

    check("ends a listing that does not advance", cannot ?? list, async (t) => {
      const { driver, artifact, faulty, strike } = await open(t);
      await driver.saveTree(artifact("dir"), treeOf({ "a.txt": "a", "b.txt": "b" }), patience());
      assert.ok(faulty.endless);
      strike(faulty.list, { kind: "lie", body: faulty.endless });

      await assert.rejects(keysOf(driver, artifact("dir"), patience()));
    });

    check(
      "R22: stores a large file with one put where the store has no uploads in parts",
      cannot ?? parts,
      async (t) => {
        const { driver, artifact, faulty, strike, read } = await open(t);
        assert.ok(faulty.begin);
        const content = noise(20 * mib);
        strike(faulty.begin, { kind: "answer", status: 501, body: "" });

        await driver.saveFile(artifact("known"), fileOf("known", content), patience());
        await driver.saveFile(artifact("unknown"), streamContent("unknown", content), patience());

        assert.ok((await read("known")).equals(content));
        assert.ok((await read("unknown")).equals(content));
      },
    );

    check("S13: names the skew when the node's clock is 20 minutes off", cannot ?? clock, async (t) => {
      const { driver, artifact, faulty } = await open(t);
      assert.ok(faulty.skew);
      faulty.skew(20 * 60_000);

      await assert.rejects(
        driver.saveFile(artifact("k"), fileOf("k", "1"), patience()),
        (error: Error) =>
          isExecutorError(error, "Unauthorized") && /20 minutes behind the store's/.test(error.message),
      );
    });

    check(
      "S6: goes on with new credentials when they are rotated during an upload",
      cannot ?? rotation,
      async (t) => {
        const { driver, artifact, faulty, strike, read } = await open(t);
        assert.ok(faulty.rotate);
        const content = noise(40 * mib);
        strike(faulty.part, { kind: "delay", ms: 200 }, 1);
        const saving = driver.saveFile(artifact("long"), streamContent("long", content), patience());
        await faulty.front.waitForRequest(
          ({ method, url }) => method === faulty.part.method && (faulty.part.path?.test(url) ?? true),
        );

        faulty.rotate();

        await saving;
        assert.ok((await read("long")).equals(content));
      },
    );
  });
}
