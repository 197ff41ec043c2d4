import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { type Shard, ShardPlanner } from "../../src/sync/copy/index.ts";
import { temporaryFolder } from "../desk/object-client.ts";
import { hardKeys, s3Side, sync } from "./sync.ts";

describe("argoexec sync in shards", { concurrency: 2 }, () => {
  it("plans key ranges that together copy everything, each object once", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    const file = join(await temporaryFolder(t), "shards.json");
    for (const key of hardKeys) await source.put(key, `content of ${key}`);

    const planned = await sync(["plan", source.url(), target.url(), "--shards", "4", "--shards-out", file]);
    assert.equal(planned.status, 0, planned.lastLine);
    const items = JSON.parse(await readFile(file, "utf8")) as Shard[];
    // Between plan and run: it lies in somebody's range.
    await source.put("\u{10ffff}added", "later");
    const runs = await Promise.all(
      items.map((item) => sync(["run", source.url(), target.url(), "--shard", JSON.stringify(item)])),
    );

    assert.equal(items.length, 4);
    assert.deepEqual(
      runs.map(({ status }) => status),
      [0, 0, 0, 0],
    );
    const copied = runs.map(({ report }) => report?.totals.copied?.objects ?? 0);
    assert.equal(
      copied.reduce((sum, objects) => sum + objects),
      hardKeys.length + 1,
    );
    assert.ok(copied.every((objects) => objects > 0));
    assert.deepEqual(await target.contents(), await source.contents());
  });

  it("shares the keys out by number without a plan, prefixes apart", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (const key of hardKeys) await source.put(`from/${key}`, key);

    const run = (shard: number) =>
      sync(["run", source.url("from"), target.url("to"), "--shards", "3", "--shard", String(shard)]);
    const runs = await Promise.all([0, 1, 2].map(run));

    const copied = runs.map(({ report }) => report?.totals.copied?.objects ?? 0);
    assert.equal(
      copied.reduce((sum, objects) => sum + objects),
      hardKeys.length,
    );
    assert.equal((await sync(["verify", source.url("from"), target.url("to")])).status, 0);
    assert.equal(
      (await sync(["run", source.url(), target.url(), "--shard", "3", "--shards", "3"])).status,
      64,
    );
  });

  it("divides any keys into ranges without gaps that share the work, in little memory", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 300 }),
        fc.integer({ min: 1, max: 9 }),
        (names, count) => {
          const keys = names.toSorted();
          const planner = new ShardPlanner(count);
          for (const key of keys) planner.add(key, 10);
          const shards = planner.shards();
          assert.ok(shards.length <= count && shards.length >= Math.min(1, count));
          assert.equal(shards[0]?.after, undefined);
          assert.equal(shards.at(-1)?.upTo, undefined);
          for (const [index, shard] of shards.entries()) {
            if (index > 0) assert.equal(shard.after, shards[index - 1]?.upTo);
          }
          assert.equal(
            shards.reduce((sum, { objects }) => sum + objects, 0),
            keys.length,
          );
        },
      ),
    );
    const planner = new ShardPlanner(4);
    for (let index = 0; index < 100_000; index += 1) planner.add(String(index).padStart(6, "0"), 1024);
    for (const { objects } of planner.shards())
      assert.ok(objects > 20_000 && objects < 30_000, String(objects));
  });

  it("has an example whose steps are commands that there are", async () => {
    const text = await readFile(new URL("../../examples/sync-fan-out.yaml", import.meta.url), "utf8");
    const { spec } = parse(text) as {
      spec: { templates: { name: string; container?: { args: string[] } }[] };
    };
    const commands = spec.templates.flatMap(({ container }) => (container ? [container.args] : []));
    assert.equal(commands.length, 3);
    for (const [first, command, , , ...flags] of commands) {
      assert.equal(first, "sync");
      // A folder that is not there is what is wrong, and nothing before it.
      const values = flags.map((flag) =>
        flag.startsWith("{{workflow") ? "4" : flag.replace(/\{\{.*\}\}/, '{"shard":0}'),
      );
      const { status, lastLine } = await sync([
        command ?? "",
        "file:///no/such/folder",
        "file:///none",
        ...values,
      ]);
      assert.equal(status, 64);
      assert.match(lastLine, /there is no folder \/no\/such\/folder/);
    }
  });
});
