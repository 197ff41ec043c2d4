import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const here = import.meta.dirname;
const addon = join(here, "../../dist/lib/argoexec/deflate.node");
const preload = join(here, "without-libraries.ts");

describe("an installation without libdeflate and ISA-L", () => {
  it("passes the tests of gzip, zip and unpacking with Node's zlib", {
    skip: !existsSync(addon) && "this is one: the tests themselves ran with zlib",
  }, () => {
    const files = ["gzip", "zip", "unpack", "large-files"].map((name) => join(here, `${name}.test.ts`));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;

    const { status, stdout } = spawnSync(process.execPath, ["--import", preload, "--test", ...files], {
      encoding: "utf8",
      env,
    });

    assert.equal(status, 0, stdout);
    assert.match(stdout, /fail 0\n/);
  });

  it("is noticed, so that zlib is what those tests run with", () => {
    const script = `
      import { openNativeDeflate } from "${join(here, "../../src/archive/native-deflate.ts")}";
      console.log(openNativeDeflate() === undefined);`;
    const run = (...flags: string[]) =>
      spawnSync(process.execPath, [...flags, "--input-type=module", "-e", script], { encoding: "utf8" })
        .stdout;

    assert.equal(run("--import", preload), "true\n");
    assert.equal(run(), `${!existsSync(addon)}\n`);
  });
});
