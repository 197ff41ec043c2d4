import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { makeRepository, pointerOf, startGitServer } from "../servers/git-server.ts";

const missing = ["git", "git-lfs", "ssh"].filter((name) => spawnSync(name, ["-V"]).error !== undefined);
const reason =
  process.getuid?.() !== 0
    ? "chroot, device files and mounts need root"
    : missing.length > 0
      ? `not installed: ${missing.join(", ")} (Debian packages git, git-lfs, openssh-client)`
      : false;

describe("the image's variant with git", { skip: reason }, () => {
  let root = "";
  before(() => {
    root = mkdtempSync(join(tmpdir(), "outrider-image-"));
    execFileSync(process.execPath, ["scripts/image.ts", root, "--git"], { stdio: "inherit" });
    // What a container runtime gives to every container.
    mkdirSync(join(root, "dev"));
    execFileSync("mknod", ["-m", "666", join(root, "dev/null"), "c", "1", "3"]);
    execFileSync("mknod", ["-m", "666", join(root, "dev/urandom"), "c", "1", "9"]);
    mkdirSync(join(root, "proc"));
    execFileSync("mount", ["-t", "proc", "proc", join(root, "proc")]);
  });
  after(() => {
    execFileSync("umount", [join(root, "proc")]);
    rmSync(root, { recursive: true, force: true });
  });

  for (const user of ["0:0", "8737:0"]) {
    it(`loads a git artifact with LFS as user ${user}, with nothing of the host`, async (t) => {
      const server = await startGitServer(t);
      const large = Buffer.from("large".repeat(1000));
      const { oid, pointer } = pointerOf(large);
      server.largeFiles.set(oid, large);
      makeRepository(server.root, "project", [
        { ".gitattributes": "*.bin filter=lfs\n", "a.bin": pointer, b: "b" },
      ]);
      const folders = ["var/run/argo", "argo/inputs/artifacts"].map((each) => join(root, each));
      for (const folder of folders) mkdirSync(folder, { recursive: true, mode: 0o777 });
      t.after(() => {
        for (const folder of folders) rmSync(folder, { recursive: true });
      });
      execFileSync("chmod", ["0777", ...folders]);
      const git = { repo: `${server.url}/project.git`, revision: "main", depth: 1 };
      const template = {
        name: "main",
        container: {},
        inputs: { artifacts: [{ name: "source", path: "/src", git }] },
      };

      const run = spawn("chroot", [`--userspec=${user}`, root, "/bin/argoexec", "init"], {
        env: {
          PATH: "/bin:/usr/sbin",
          ARGO_POD_NAME: "p",
          ARGO_DEADLINE: "0001-01-01T00:00:00Z",
          ARGO_TEMPLATE: JSON.stringify(template),
        },
        stdio: ["ignore", "inherit", "pipe"],
      });
      const [complaint, [status]] = await Promise.all([text(run.stderr), once(run, "exit")]);

      assert.equal(status, 0, complaint);
      const source = join(root, "argo/inputs/artifacts/source");
      assert.ok(readFileSync(join(source, "a.bin")).equals(large));
      assert.equal(statSync(join(source, "b")).mode & 0o777, 0o644);
    });
  }

  it("has ssh for root and for user 8737, and the keys of the hosts that everybody uses", () => {
    for (const user of ["0:0", "8737:0"]) {
      const run = spawnSync("chroot", [`--userspec=${user}`, root, "/bin/ssh", "-G", "git@github.com"], {
        encoding: "utf8",
      });
      assert.equal(run.status, 0, run.stderr);
    }
    const hosts = readFileSync(join(root, "etc/ssh/ssh_known_hosts"), "utf8");
    for (const host of [
      "bitbucket.org",
      "github.com",
      "gitlab.com",
      "ssh.dev.azure.com",
      "vs-ssh.visualstudio.com",
    ])
      assert.ok(hosts.includes(host), host);
  });
});
