import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type ArtifactDriver, type DriverContext, openDriver } from "../../src/artifacts/index.ts";
import type { Artifact } from "../../src/template/index.ts";
import { load } from "./suite.ts";
import { fileOf, noise, patience, streamContent, treeOf } from "./surroundings.ts";

/** A vendor's own client, on the same bucket as our driver. */
export interface VendorClient {
  put(key: string, content: Buffer): Promise<unknown>;
  /** In parts, as it does by itself with large files. */
  putLarge(key: string, content: Buffer): Promise<unknown>;
  get(key: string): Promise<Buffer>;
  list(prefix: string): Promise<readonly string[]>;
  /** True for an error that says that nothing is there. */
  isNotFound(error: unknown): boolean;
}

export interface SharedStore {
  readonly context: DriverContext;
  artifact(key: string): Artifact;
  readonly vendor: VendorClient;
}

const mib = 1024 * 1024;
const keys = [
  "plain.txt",
  "with blank/and+plus",
  "hash#question?percent%25",
  "ünïcödé/日本/🜁",
  "quotes'\"<>&;=@:",
];

/** What our driver writes, the vendor's client reads, and the other way round. */
export function describeSecondOpinion(name: string, start: (t: TestContext) => Promise<SharedStore>): void {
  const open = async (t: TestContext): Promise<SharedStore & { readonly driver: ArtifactDriver }> => {
    const store = await start(t);
    const driver = await openDriver(store.artifact("unused"), store.context);
    t.after(() => driver[Symbol.asyncDispose]());
    return { ...store, driver };
  };

  describe(`${name} agrees with us`, () => {
    for (const key of keys) {
      it(`S15: on the key ${JSON.stringify(key)}, written by either`, async (t) => {
        const { driver, artifact, vendor } = await open(t);
        const [ours, theirs] = [`ours/${key}`, `theirs/${key}`];

        await driver.saveFile(artifact(ours), fileOf("x", `content of ${ours}`), patience());
        await vendor.put(theirs, Buffer.from(`content of ${theirs}`));

        assert.equal((await vendor.get(ours)).toString(), `content of ${ours}`);
        assert.equal((await load(driver, artifact(theirs))).toString(), `content of ${theirs}`);
      });
    }

    it("on an object of many parts, written by either, whose checksums both compare", async (t) => {
      const { driver, artifact, vendor } = await open(t);
      const content = noise(9 * mib + 17);

      await driver.saveFile(artifact("ours"), streamContent("ours", content), patience());
      await vendor.putLarge("theirs", content);

      assert.ok((await vendor.get("ours")).equals(content));
      assert.ok((await load(driver, artifact("theirs"))).equals(content));
    });

    it("on an empty object, written by either", async (t) => {
      const { driver, artifact, vendor } = await open(t);

      await driver.saveFile(artifact("ours"), fileOf("ours", ""), patience());
      await vendor.put("theirs", Buffer.alloc(0));

      assert.equal((await vendor.get("ours")).byteLength, 0);
      assert.equal((await load(driver, artifact("theirs"))).byteLength, 0);
    });

    it("on what a directory holds, and on what is no longer there", async (t) => {
      const { driver, artifact, vendor } = await open(t);
      await driver.saveTree(artifact("dir"), treeOf({ "b.txt": "b", "a/c.txt": "c" }), patience());
      await vendor.put("dir/by vendor", Buffer.from("d"));
      const expected = ["dir/a/c.txt", "dir/b.txt", "dir/by vendor"];

      const ours: string[] = [];
      for await (const { key } of driver.list(artifact("dir"), patience())) ours.push(key);

      assert.deepEqual(ours, expected);
      assert.deepEqual([...(await vendor.list("dir/"))].sort(), expected);
      await driver.delete(artifact("dir"), patience());
      assert.deepEqual(await vendor.list("dir/"), []);
      await assert.rejects(vendor.get("dir/b.txt"), (error) => vendor.isNotFound(error));
    });
  });
}
