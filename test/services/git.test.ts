import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { DriverSettings } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { loadGit } from "../drivers/git-load.ts";
import { noise, surroundings, temporaryFolder } from "../drivers/surroundings.ts";
import { git, makeRepository, pointerOf, publish, startGitServer } from "../servers/git-server.ts";
import { freePort, untilItListens } from "./programs.ts";
import { startSquid, withoutSquid } from "./squid.ts";

const sshd = "/usr/sbin/sshd";
const withoutSsh = existsSync(sshd) ? false : "sshd is not installed (Debian package openssh-server)";
const withoutLfs =
  spawnSync("git-lfs", ["version"]).status === 0
    ? false
    : "git-lfs is not installed (Debian package git-lfs)";

interface SshServer {
  readonly url: string;
  readonly port: number;
  readonly root: string;
  /** The private key that the server lets in. */
  readonly key: string;
  /** A known_hosts file with the server's key. */
  readonly knownHosts: string;
}

/** OpenSSH on a free port, with keys of its own, for the user that runs the tests. */
async function startSshServer(t: TestContext): Promise<SshServer> {
  const root = await temporaryFolder(t);
  const makeKey = (name: string) => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(root, name)]);
    return readFileSync(join(root, `${name}.pub`), "utf8");
  };
  const hostKey = makeKey("host");
  writeFileSync(join(root, "authorized"), makeKey("user"));
  const port = await freePort();
  const lines = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${root}/host`,
    `AuthorizedKeysFile ${root}/authorized`,
    `PidFile ${root}/pid`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "PermitRootLogin prohibit-password",
  ];
  writeFileSync(join(root, "sshd_config"), `${lines.join("\n")}\n`);
  // Where sshd of Debian wants to lock itself in.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const server = spawn(sshd, ["-D", "-e", "-f", join(root, "sshd_config")], { stdio: "ignore" });
  t.after(async () => {
    if (server.exitCode !== null) return;
    const ended = once(server, "exit");
    server.kill();
    await ended;
  });
  await untilItListens(port);
  const knownHosts = join(root, "known_hosts");
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${hostKey}`);
  const user = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
  return {
    url: `ssh://${user}@127.0.0.1:${port}${root}`,
    port,
    root,
    key: readFileSync(join(root, "user"), "utf8"),
    knownHosts,
  };
}

const keySecret = { sshPrivateKeySecret: { name: "git", key: "key" } };

function withKey(key: string, knownHostsFiles: readonly string[], more: Partial<DriverSettings> = {}) {
  const programs = {
    searchPath: process.env.PATH ?? "",
    home: "/nonexistent",
    knownHostsFiles,
    skipsLfs: false,
    temporaryFolder: "/tmp",
    tunnel: [process.execPath, resolve("cmd/main.ts"), "ssh-tunnel"],
  };
  return surroundings({ "git/key": key }, { programs, ...more });
}

describe("git over ssh", { skip: withoutSsh }, () => {
  it("loads a repository with the key of sshPrivateKeySecret from a host whose key is known", async (t) => {
    const { url, root, key, knownHosts } = await startSshServer(t);
    makeRepository(root, "project", [{ file: "1" }, { file: "2" }]);

    const folder = await loadGit(t, { repo: `${url}/project.git`, ...keySecret }, withKey(key, [knownHosts]));
    const shallow = await loadGit(
      t,
      { repo: `${url}/project.git`, revision: "main", depth: 1, ...keySecret },
      withKey(key.trimEnd(), [knownHosts]),
    );

    assert.equal(readFileSync(join(folder, "file"), "utf8"), "2");
    assert.equal(git(shallow, "rev-list", "--count", "--all"), "1");
  });

  it("loads submodules with the same key", async (t) => {
    const { url, root, key, knownHosts } = await startSshServer(t);
    makeRepository(root, "lib", [{ "lib.txt": "lib" }]);
    const work = makeRepository(root, "project", [{ file: "1" }]);
    git(work, "submodule", "--quiet", "add", join(root, "lib.git"), "lib");
    git(work, "config", "-f", ".gitmodules", "submodule.lib.url", "../lib.git");
    git(work, "commit", "-q", "-a", "-m", "add a submodule");
    publish(root, "project");

    const folder = await loadGit(t, { repo: `${url}/project.git`, ...keySecret }, withKey(key, [knownHosts]));

    assert.equal(readFileSync(join(folder, "lib/lib.txt"), "utf8"), "lib");
  });

  it("refuses a host whose key is not known, or is another, unless insecureIgnoreHostKey is set", async (t) => {
    const { url, port, root, key } = await startSshServer(t);
    makeRepository(root, "project", [{ file: "1" }]);
    const wrong = join(root, "wrong_hosts");
    writeFileSync(wrong, `[127.0.0.1]:${port} ${readFileSync(join(root, "user.pub"), "utf8")}`);
    const location = { repo: `${url}/project.git`, ...keySecret };

    for (const files of [["/nonexistent/known_hosts"], [wrong]]) {
      await assert.rejects(loadGit(t, location, withKey(key, files)), (error: Error) => {
        assert.match(error.message, /host's key is not the known one.*SSH_KNOWN_HOSTS/s);
        return isExecutorError(error, "BadRequest");
      });
    }
    const folder = await loadGit(t, { ...location, insecureIgnoreHostKey: true }, withKey(key, [wrong]));

    assert.equal(readFileSync(join(folder, "file"), "utf8"), "1");
  });

  it("says that the server does not take the key, and shows nothing of it", async (t) => {
    const { url, root, knownHosts } = await startSshServer(t);
    makeRepository(root, "project", [{ file: "1" }]);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(root, "other")]);
    const other = readFileSync(join(root, "other"), "utf8");

    for (const key of [other, "-----BEGIN nonsense", ""]) {
      const location = { repo: `${url}/project.git`, ...(key === "" ? {} : keySecret) };
      await assert.rejects(loadGit(t, location, withKey(key, [knownHosts])), (error: Error) => {
        assert.match(error.message, /sshPrivateKeySecret/);
        assert.doesNotMatch(error.message, /BEGIN|b3BlbnNz/);
        return isExecutorError(error, "Unauthorized", "BadRequest");
      });
    }
  });

  it("R30: goes through the proxy that every other store uses, to hosts that only the proxy knows", {
    skip: withoutSquid,
  }, async (t) => {
    const { url, port, root, key, knownHosts } = await startSshServer(t);
    makeRepository(root, "lib", [{ "lib.txt": "lib" }]);
    const work = makeRepository(root, "project", [{ file: "1" }]);
    git(work, "submodule", "--quiet", "add", join(root, "lib.git"), "lib");
    git(work, "config", "-f", ".gitmodules", "submodule.lib.url", "../lib.git");
    git(work, "commit", "-q", "-a", "-m", "add a submodule");
    publish(root, "project");
    const name = "ssh.outrider.test";
    writeFileSync(knownHosts, readFileSync(knownHosts, "utf8").replace("127.0.0.1", name));
    const proxy = await startSquid(t, new Map([[name, "127.0.0.1"]]));
    const settings = { httpProxy: undefined, httpsProxy: proxy.url, noProxy: "other.test" };
    const location = { repo: `${url.replace("127.0.0.1", name)}/project.git`, ...keySecret };

    const folder = await loadGit(t, location, withKey(key, [knownHosts], { proxy: settings }));

    assert.equal(readFileSync(join(folder, "file"), "utf8"), "1");
    assert.equal(readFileSync(join(folder, "lib/lib.txt"), "utf8"), "lib");
    await proxy.expectPassed([`${name}:${port}`]);
  });

  it("says that the repository is not on the host", async (t) => {
    const { url, key, knownHosts } = await startSshServer(t);

    await assert.rejects(
      loadGit(t, { repo: `${url}/none.git`, ...keySecret }, withKey(key, [knownHosts])),
      /failed to clone .*none\.git.*check git\.repo/s,
    );
  });
});

describe("git with LFS", { skip: withoutLfs }, () => {
  const large = noise(3 * 1024 * 1024);
  const { oid, pointer } = pointerOf(large);
  const attributes = "*.bin filter=lfs diff=lfs merge=lfs -text\n";
  const secrets = { "git/user": "me", "git/password": "secret-word" };
  const location = (url: string) => ({
    repo: `${url}/project.git`,
    usernameSecret: { name: "git", key: "user" },
    passwordSecret: { name: "git", key: "password" },
  });

  it("gets the files in LFS, with the same credentials", async (t) => {
    const server = await startGitServer(t, { credentials: "me:secret-word" });
    makeRepository(server.root, "project", [
      { ".gitattributes": attributes, "data/a.bin": pointer, "b.txt": "b" },
    ]);
    server.largeFiles.set(oid, large);

    const folder = await loadGit(
      t,
      { ...location(server.url), depth: 1, revision: "main" },
      surroundings(secrets),
    );

    assert.ok(readFileSync(join(folder, "data/a.bin")).equals(large));
    assert.doesNotMatch(readFileSync(join(folder, ".git/config"), "utf8"), /secret-word/);
  });

  it("gets the files in LFS of submodules", async (t) => {
    const server = await startGitServer(t);
    makeRepository(server.root, "lib", [{ ".gitattributes": attributes, "a.bin": pointer }]);
    server.largeFiles.set(oid, large);
    const work = makeRepository(server.root, "project", [{ file: "x" }]);
    git(work, "submodule", "--quiet", "add", join(server.root, "lib.git"), "lib");
    git(work, "config", "-f", ".gitmodules", "submodule.lib.url", "../lib.git");
    git(work, "commit", "-q", "-a", "-m", "add a submodule");
    publish(server.root, "project");

    const folder = await loadGit(t, { repo: `${server.url}/project.git` });

    assert.ok(readFileSync(join(folder, "lib/a.bin")).equals(large));
  });

  it("fails where a file is not in LFS, or is another one", async (t) => {
    const server = await startGitServer(t);
    makeRepository(server.root, "project", [{ ".gitattributes": attributes, "a.bin": pointer }]);
    const repo = `${server.url}/project.git`;

    await assert.rejects(loadGit(t, { repo }), /failed to get files from LFS: .*does not exist/s);
    server.largeFiles.set(oid, noise(3 * 1024 * 1024 - 1));
    await assert.rejects(loadGit(t, { repo }), /failed to get files from LFS/);
  });

  it("leaves the pointers where GIT_LFS_SKIP_SMUDGE is set, and says so", async (t) => {
    const server = await startGitServer(t);
    makeRepository(server.root, "project", [{ ".gitattributes": attributes, "a.bin": pointer }]);
    const context = withKey("", [], {});
    const programs = { ...context.settings.programs, skipsLfs: true } as DriverSettings["programs"] & object;
    const skipping = surroundings({}, { programs });

    const folder = await loadGit(t, { repo: `${server.url}/project.git` }, skipping);

    assert.equal(readFileSync(join(folder, "a.bin"), "utf8"), pointer);
    assert.ok(skipping.lines.some(({ message }) => /left as pointers/.test(message)));
  });

  it("refuses a folder of this container that .lfsconfig names as the server", async (t) => {
    const server = await startGitServer(t);
    const lfsconfig = "[lfs]\n\turl = file:///work/project\n";
    makeRepository(server.root, "project", [
      { ".gitattributes": attributes, ".lfsconfig": lfsconfig, "a.bin": pointer },
    ]);

    await assert.rejects(
      loadGit(t, { repo: `${server.url}/project.git` }),
      /lfs\.url in \.lfsconfig must be an https, http or ssh address/,
    );
  });

  it("refuses a link in the place of .lfsconfig, and one that is no configuration", async (t) => {
    const server = await startGitServer(t);
    const evil = "[lfs]\n\turl = file:///work/project\n";
    const work = makeRepository(server.root, "project", [
      { ".gitattributes": attributes, "a.bin": pointer, "#evil": evil },
    ]);
    const repo = `${server.url}/project.git`;
    for (const [content, words] of [
      // The link's own text is a line of comment.
      [undefined, /\.lfsconfig must be a file/],
      ["no configuration", /bad config/],
    ] as const) {
      rmSync(join(work, ".lfsconfig"), { force: true });
      if (content === undefined) symlinkSync("#evil", join(work, ".lfsconfig"));
      else writeFileSync(join(work, ".lfsconfig"), content);
      git(work, "add", "-A");
      git(work, "commit", "-q", "-m", "lfsconfig");
      publish(server.root, "project");

      await assert.rejects(loadGit(t, { repo }), words);
    }
  });
});
