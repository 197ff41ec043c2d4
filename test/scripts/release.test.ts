import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";

describe("scripts/release.sh", () => {
  it("builds both variants for both architectures, with SBOM and provenance", (t) => {
    const place = checkout(t);

    const { status, stderr } = release(place, ["v1.2.3", "registry.test/outrider"]);

    assert.equal(status, 0, stderr);
    const builds = readFileSync(join(place, "../docker.log"), "utf8").trim().split("\n");
    assert.deepEqual(
      builds.map((line) => /--target (\S+) .*--tag (\S+)/.exec(line)?.slice(1)),
      [
        ["root", "registry.test/outrider:1.2.3"],
        ["nonroot", "registry.test/outrider:1.2.3-nonroot"],
      ],
    );
    for (const line of builds) {
      for (const part of [
        "--platform linux/amd64,linux/arm64",
        "--sbom=true",
        "--provenance=mode=max",
        "--build-arg SOURCE_DATE_EPOCH=1",
        "--output type=registry,rewrite-timestamp=true",
      ])
        assert.ok(line.includes(part), `${part} in ${line}`);
    }
    const sbom = JSON.parse(readFileSync(join(place, "build/sbom.spdx.json"), "utf8"));
    assert.match(sbom.spdxVersion, /^SPDX-/);
  });

  for (const [title, args, edit, message] of [
    [
      "a tag that is not the version",
      ["v9.9.9", "i"],
      undefined,
      /the tag is v9.9.9, and package.json says 1.2.3/,
    ],
    ["a call without an image", ["v1.2.3"], undefined, /usage: /],
    ["a version that the changelog does not know", ["v1.2.3", "i"], "# Changelog\n", /no section for 1.2.3/],
    [
      "a working tree with changes",
      ["v1.2.3", "i"],
      "# Changelog\n\n## 1.2.3\n\nmore\n",
      /changes that no commit holds/,
    ],
  ] as const) {
    it(`refuses ${title}, and builds nothing`, (t) => {
      const place = checkout(t);
      if (edit !== undefined) writeFileSync(join(place, "CHANGELOG.md"), edit);

      const { status, stderr } = release(place, args);

      assert.equal(status, 64);
      assert.match(stderr, message);
      assert.throws(() => readFileSync(join(place, "../docker.log")), /ENOENT/);
    });
  }
});

/** A repository of version 1.2.3 with the script in it, and a docker that writes down what it is asked for. */
function checkout(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-release-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const place = join(folder, "checkout");
  mkdirSync(join(place, "scripts"), { recursive: true });
  mkdirSync(join(folder, "bin"));
  cpSync("scripts/release.sh", join(place, "scripts/release.sh"));
  writeFileSync(join(place, "scripts/setup.mjs"), "");
  writeFileSync(join(place, ".gitignore"), "build/\nnode_modules\n");
  writeFileSync(join(place, "CHANGELOG.md"), "# Changelog\n\n## 1.2.3\n");
  writeFileSync(join(place, "package.json"), JSON.stringify({ name: "outrider", version: "1.2.3" }));
  const docker = join(folder, "bin/docker");
  writeFileSync(docker, `#!/bin/sh\necho "$@" >>'${folder}/docker.log'\n`);
  chmodSync(docker, 0o755);
  git(place, "init", "--quiet");
  git(place, "add", "--all");
  git(place, "-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "--quiet", "--message", "all");
  return place;
}

function git(place: string, ...args: readonly string[]): void {
  execFileSync("git", ["-C", place, ...args], { stdio: "ignore" });
}

function release(place: string, args: readonly string[]) {
  const env = { ...process.env, PATH: `${join(place, "../bin")}:${process.env.PATH}` };
  return spawnSync(join(place, "scripts/release.sh"), args, { env, encoding: "utf8" });
}
