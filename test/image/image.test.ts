import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

const canChroot = process.getuid?.() === 0;
const template = JSON.stringify({ name: "main", container: {}, inputs: {}, outputs: {} });

describe("the image's root folder", () => {
  let root = "";
  before(() => {
    root = mkdtempSync(join(tmpdir(), "outrider-image-"));
    execFileSync(process.execPath, ["scripts/image.ts", root, "--version", "1.2.3"], { stdio: "inherit" });
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it("has a static argoexec that runs from anywhere", () => {
    const text = execFileSync(join(root, "bin/argoexec"), ["version", "--short"], { encoding: "utf8" });

    assert.match(text, /^argoexec: v?1\.2\.3/);
  });

  it("has libdeflate and ISA-L, loads them with nothing of the host, and carries their licences", {
    skip: !canChroot && "chroot needs root",
  }, () => {
    const script = `const m = { exports: {} }; process.dlopen(m, "/lib/argoexec/deflate.node");
      const input = Buffer.from("text ".repeat(1000)), output = Buffer.alloc(1000);
      m.exports.compress(input, output, 101, false, (status, used, made) =>
        console.log(status, used, require("zlib").inflateRawSync(output.subarray(0, made)).equals(input)));`;

    const run = spawnSync("chroot", [root, "/lib/argoexec/node", "-e", script], { encoding: "utf8" });

    assert.equal(run.stdout, "0 5000 true\n", run.stderr);
    assert.match(readFileSync(join(root, "lib/argoexec/deflate.LICENSES"), "utf8"), /Eric Biggers.*Intel/s);
  });

  it("has a /tmp that every user can write, and no passwd entry but root's", () => {
    assert.equal(statSync(join(root, "tmp")).mode & 0o7777, 0o1777);
    assert.equal(readFileSync(join(root, "etc/passwd"), "utf8").trim().split("\n").length, 1);
  });

  it("runs init as root and as user 8737, with nothing of the host", {
    skip: !canChroot && "chroot needs root",
  }, () => {
    for (const user of ["0:0", "8737:0"]) {
      mkdirSync(join(root, "var/run/argo"), { recursive: true });
      execFileSync("chmod", ["0777", join(root, "var/run/argo")]);

      const run = spawnSync("chroot", [`--userspec=${user}`, root, "/bin/argoexec", "init"], {
        encoding: "utf8",
        env: {
          PATH: "/bin:/usr/sbin",
          ARGO_POD_NAME: "p",
          ARGO_DEADLINE: "0001-01-01T00:00:00Z",
          ARGO_TEMPLATE: template,
        },
      });

      assert.equal(run.stderr, "");
      assert.equal(run.status, 0);
      assert.equal(readFileSync(join(root, "var/run/argo/template"), "utf8"), template);
      assert.equal(statSync(join(root, "var/run/argo/argoexec")).mode & 0o777, 0o555);
      rmSync(join(root, "var/run/argo"), { recursive: true });
    }
  });
});
