import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { runGit } from "../../src/artifacts/drivers/git/run-git.ts";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { selfSignedCertificate } from "../servers/api-server/index.ts";
import { startConnectProxy } from "../servers/connect-proxy.ts";
import { type GitServer, git, makeRepository, publish, startGitServer } from "../servers/git-server.ts";
import { loadGit } from "./git-load.ts";
import { fileOf, keysOf, patience, surroundings, temporaryFolder } from "./surroundings.ts";

const skip = spawnSync("git", ["http-backend"]).error === undefined ? false : "git is not installed";

/** Four commits on main, a branch at the third, a tag at the second. */
function makeHistory({ root }: GitServer): string[] {
  const commits = ["1", "2", "3", "4"].map((file) => ({ file, "bin/run": "#!/bin/sh\n" }));
  const work = makeRepository(root, "project", commits);
  git(work, "branch", "dev", "HEAD~1");
  git(work, "tag", "-a", "-m", "first", "v1", "HEAD~2");
  publish(root, "project");
  return git(work, "rev-list", "--reverse", "HEAD").split("\n");
}

describe("git: revisions", { skip }, () => {
  it("leaves the branch that the remote HEAD names, with all branches and tags, as a clone does", async (t) => {
    const server = await startGitServer(t);
    makeHistory(server);

    const folder = await loadGit(t, { repo: `${server.url}/project.git` });

    assert.equal(readFileSync(join(folder, "file"), "utf8"), "4");
    assert.equal(git(folder, "symbolic-ref", "HEAD"), "refs/heads/main");
    assert.equal(git(folder, "rev-list", "--count", "HEAD"), "4");
    assert.equal(git(folder, "tag"), "v1");
    assert.match(git(folder, "branch", "-r"), /origin\/dev/);
    assert.equal(git(folder, "status", "--porcelain"), "");
  });

  for (const depth of [undefined, 1]) {
    for (const [revision = "", file] of [
      ["HEAD", "4"],
      ["HEAD~3", "1"],
      ["dev", "3"],
      ["origin/dev", "3"],
      ["refs/heads/dev", "3"],
      ["v1", "2"],
      ["refs/tags/v1", "2"],
    ]) {
      it(`case 25: checks out ${revision} at ${depth === undefined ? "full depth" : `depth ${depth}`}`, async (t) => {
        const server = await startGitServer(t);
        makeHistory(server);

        const folder = await loadGit(t, {
          repo: `${server.url}/project.git`,
          revision,
          ...(depth && { depth }),
        });

        assert.equal(readFileSync(join(folder, "file"), "utf8"), file);
        assert.equal(git(folder, "rev-parse", "--abbrev-ref", "HEAD"), "HEAD", "detached");
        if (depth && revision !== "HEAD~3") assert.equal(git(folder, "rev-list", "--count", "HEAD"), "1");
      });
    }

    it(`case 25: checks out whole and short hashes at ${depth === undefined ? "full depth" : `depth ${depth}`}`, async (t) => {
      const server = await startGitServer(t);
      const [first = "", second = ""] = makeHistory(server);
      const location = { repo: `${server.url}/project.git`, ...(depth && { depth }) };

      const whole = await loadGit(t, { ...location, revision: first });
      const short = await loadGit(t, { ...location, revision: second.slice(0, 7) });

      assert.equal(readFileSync(join(whole, "file"), "utf8"), "1");
      assert.equal(readFileSync(join(short, "file"), "utf8"), "2");
    });

    it(`case 25: says that a revision is not there at ${depth === undefined ? "full depth" : `depth ${depth}`}`, async (t) => {
      const server = await startGitServer(t);
      makeHistory(server);

      const loading = loadGit(t, {
        repo: `${server.url}/project.git`,
        revision: "no-such",
        ...(depth && { depth }),
      });

      await assert.rejects(loading, (error: Error) => {
        assert.match(error.message, /failed to get resolve revision: reference not found: "no-such"/);
        return isExecutorError(error, "BadRequest");
      });
    });
  }

  it("fetches the wanted commits alone where a depth is given", async (t) => {
    const server = await startGitServer(t);
    makeHistory(server);

    const folder = await loadGit(t, { repo: `${server.url}/project.git`, revision: "dev", depth: 2 });

    assert.equal(git(folder, "rev-list", "--count", "--all"), "2");
    assert.equal(git(folder, "rev-parse", "refs/remotes/origin/dev"), git(folder, "rev-parse", "HEAD"));
  });

  for (const [title, allowsFilter, speaksV2, isPartial] of [
    ["without the content of files of other commits", true, true, true],
    ["whole from a server that knows no filters", false, true, false],
    ["whole from a server that gives no single files afterwards", true, false, false],
  ] as const) {
    it(`fetches a history that has to be searched ${title}, where a depth is given`, async (t) => {
      const server = await startGitServer(t);
      makeHistory(server);
      git(join(server.root, "project.git"), "config", "uploadpack.allowFilter", String(allowsFilter));
      server.intercept(({ headers }) => {
        if (!speaksV2) delete headers["git-protocol"];
        return false;
      });

      const folder = await loadGit(t, { repo: `${server.url}/project.git`, revision: "HEAD~2", depth: 1 });

      assert.equal(readFileSync(join(folder, "file"), "utf8"), "2");
      assert.equal(git(folder, "rev-list", "--count", "--all"), "4");
      const missing = git(folder, "rev-list", "--objects", "--all", "--missing=print").match(/^\?/gm) ?? [];
      assert.equal(missing.length, isPartial ? 3 : 0);
      assert.equal(git(folder, "status", "--porcelain"), "");
    });
  }

  it("case 26: fetches one branch only in single branch mode, with and without revision and depth", async (t) => {
    const server = await startGitServer(t);
    makeHistory(server);
    const location = { repo: `${server.url}/project.git`, singleBranch: true, branch: "dev" };

    const plain = await loadGit(t, { ...location, depth: 1 });
    const older = await loadGit(t, { ...location, revision: "dev~1", depth: 1 });

    assert.deepEqual(readdirSync(join(plain, ".git/refs/heads")), ["dev"]);
    assert.deepEqual(readdirSync(join(older, ".git/refs/heads")), ["dev"]);
    assert.equal(readFileSync(join(plain, "file"), "utf8"), "3");
    assert.equal(readFileSync(join(older, "file"), "utf8"), "2");
    await assert.rejects(loadGit(t, { ...location, branch: "gone" }), /failed to clone .*gone/);
    await assert.rejects(
      loadGit(t, { repo: location.repo, singleBranch: true }),
      /single branch mode without a branch specified/,
    );
  });

  it("case 27: fetches further refs before it looks for the revision, and says which refspec is wrong", async (t) => {
    const server = await startGitServer(t);
    const [first = ""] = makeHistory(server);
    git(join(server.root, "project.git"), "update-ref", "refs/changes/1/head", first);
    const repo = `${server.url}/project.git`;
    const fetch = ["refs/changes/*:refs/remotes/origin/changes/*"];

    const folder = await loadGit(t, { repo, fetch, revision: "origin/changes/1/head" });
    const shallow = await loadGit(t, { repo, fetch, revision: "origin/changes/1/head", depth: 1 });

    assert.equal(readFileSync(join(folder, "file"), "utf8"), "1");
    assert.equal(readFileSync(join(shallow, "file"), "utf8"), "1");
    for (const wrong of ["a:b:c", "refs/*:refs/x", "refs/a..b", "refs/*/*"]) {
      await assert.rejects(loadGit(t, { repo, fetch: [wrong] }), (error: Error) => {
        assert.ok(error.message.startsWith(`failed to validate fetch [${wrong}]`), error.message);
        return isExecutorError(error, "BadRequest");
      });
    }
    await assert.rejects(loadGit(t, { repo, fetch: ["refs/none/x:refs/x"] }), /failed to fetch \[refs\/none/);
  });

  it("case 27: leaves an empty tree of an empty repository, ready for a first commit", async (t) => {
    const server = await startGitServer(t);
    mkdirSync(join(server.root, "empty.git"));
    git(join(server.root, "empty.git"), "init", "-q", "--bare");

    const folder = await loadGit(t, { repo: `${server.url}/empty.git` });

    assert.deepEqual(readdirSync(folder), [".git"]);
    assert.equal(git(folder, "config", "remote.origin.url"), `${server.url}/empty.git`);
    assert.equal(git(folder, "config", "branch.master.merge"), "refs/heads/master");
  });

  it("gives files 0644, programs 0755 and folders 0755 under the executor's umask of 0", async (t) => {
    const server = await startGitServer(t);
    const work = makeRepository(server.root, "modes", [{ "folder/file": "x", run: "#!/bin/sh\n" }]);
    git(work, "update-index", "--chmod=+x", "run");
    git(work, "commit", "-q", "-m", "executable");
    publish(server.root, "modes");
    const umask = process.umask(0);
    t.after(() => process.umask(umask));

    const folder = await loadGit(t, { repo: `${server.url}/modes.git` });

    const mode = (path: string) => (statSync(join(folder, path)).mode & 0o777).toString(8);
    assert.deepEqual(["folder", "folder/file", "run", ".git"].map(mode), ["755", "644", "755", "755"]);
  });
});

describe("git: submodules", { skip }, () => {
  /** `project` holds `lib`, which holds `deep`. */
  function makeNested({ root, url }: GitServer): void {
    makeRepository(root, "deep", [{ "deep.txt": "deep" }]);
    for (const [name, inner] of [
      ["lib", "deep"],
      ["project", "lib"],
    ] as const) {
      const work = makeRepository(root, name, [{ [`${name}.txt`]: name }]);
      git(work, "submodule", "--quiet", "add", join(root, `${inner}.git`), inner);
      git(
        work,
        "config",
        "-f",
        ".gitmodules",
        `submodule.${inner}.url`,
        name === "lib" ? `../${inner}.git` : `${url}/${inner}.git`,
      );
      git(work, "add", "-A");
      git(work, "commit", "-q", "-m", "add a submodule");
      publish(root, name);
    }
  }

  it("case 27: checks out submodules and theirs, unless they are switched off", async (t) => {
    const server = await startGitServer(t);
    makeNested(server);
    const repo = `${server.url}/project.git`;

    const all = await loadGit(t, { repo });
    const bare = await loadGit(t, { repo, disableSubmodules: true });

    assert.equal(readFileSync(join(all, "lib/lib.txt"), "utf8"), "lib");
    assert.equal(readFileSync(join(all, "lib/deep/deep.txt"), "utf8"), "deep");
    assert.deepEqual(readdirSync(join(bare, "lib")), []);
  });

  it("gives no credential to another host that a submodule names", async (t) => {
    const own = await startGitServer(t, { credentials: "me:secret-word" });
    const foreign = await startGitServer(t, { credentials: "you:other" });
    makeRepository(foreign.root, "lib", [{ "lib.txt": "x" }]);
    const work = makeRepository(own.root, "project", [{ file: "x" }]);
    git(work, "submodule", "--quiet", "add", join(foreign.root, "lib.git"), "lib");
    git(work, "config", "-f", ".gitmodules", "submodule.lib.url", `${foreign.url}/lib.git`);
    git(work, "commit", "-q", "-a", "-m", "add a submodule");
    publish(own.root, "project");

    const loading = loadGit(
      t,
      withSecrets(`${own.url}/project.git`),
      surroundings(secrets("me", "secret-word")),
    );

    await assert.rejects(loading, (error: Error) => {
      assert.match(error.message, /failed to update submodules/);
      return isExecutorError(error, "Unauthorized");
    });
    assert.ok(foreign.requests.length > 0);
    assert.deepEqual(
      foreign.requests.filter(({ authorization }) => authorization !== undefined),
      [],
    );
  });

  for (const [what, url, pattern] of [
    ["a command", "ext::sh -c 'touch%20MARKER'", /transport 'ext' not allowed/],
    ["a file of this container", "file:///work", /transport 'file' not allowed/],
    ["an option for ssh", "ssh://-oProxyCommand=touch MARKER/x", /strange hostname|blocked|bad URL|clone/],
  ] as const) {
    it(`refuses a submodule whose address is ${what}`, async (t) => {
      const server = await startGitServer(t);
      const marker = join(await temporaryFolder(t), "ran");
      makeHostile(server, (work) => {
        writeFileSync(
          join(work, ".gitmodules"),
          `[submodule "x"]\npath = x\nurl = ${url.replace("MARKER", marker)}\n`,
        );
      });

      await assert.rejects(loadGit(t, { repo: `${server.url}/hostile.git` }), pattern);

      assert.equal(existsSync(marker), false);
    });
  }

  it("refuses a submodule that is updated by a command", async (t) => {
    const server = await startGitServer(t);
    const marker = join(await temporaryFolder(t), "ran");
    makeRepository(server.root, "lib", [{ "lib.txt": "x" }]);
    makeHostile(server, (work) => {
      const lines = [
        '[submodule "x"]',
        "path = x",
        `url = ${server.url}/lib.git`,
        `update = !touch ${marker}`,
      ];
      writeFileSync(join(work, ".gitmodules"), `${lines.join("\n")}\n`);
    });

    await assert.rejects(loadGit(t, { repo: `${server.url}/hostile.git` }), /failed to update submodules/);

    assert.equal(existsSync(marker), false);
  });

  /** A repository with a submodule entry `x` whose .gitmodules no client of good will would write. */
  function makeHostile({ root }: GitServer, write: (work: string) => void): void {
    const work = makeRepository(root, "hostile", [{ file: "x" }]);
    write(work);
    git(work, "add", "-A");
    git(work, "update-index", "--add", "--cacheinfo", `160000,${git(work, "rev-parse", "HEAD")},x`);
    git(work, "commit", "-q", "-m", "hostile");
    publish(root, "hostile");
  }
});

describe("git: credentials and surroundings", { skip }, () => {
  it("sends name and password to the server, and leaves them nowhere", async (t) => {
    const password = "pa:ss/w@rd %41'$x";
    const server = await startGitServer(t, { credentials: `me:${password}` });
    makeHistory(server);
    const seen: string[] = [];
    const waiting = server.requests;
    server.intercept(() => {
      if (waiting.length > 1) seen.push(...processesThatShow("ss/w@rd"), ...processesThatShow("ss%2Fw"));
      return false;
    });
    const temporary = await temporaryFolder(t);

    const folder = await loadGit(
      t,
      withSecrets(`${server.url}/project.git`),
      inFolder(temporary, secrets("me", `${password}\n`)),
    );

    assert.equal(readFileSync(join(folder, "file"), "utf8"), "4");
    assert.deepEqual(seen, [], "on no command line and in no environment");
    assert.doesNotMatch(readFileSync(join(folder, ".git/config"), "utf8"), /w@rd|ss%2F/);
    assert.deepEqual(readdirSync(temporary), [], "temporary files");
  });

  it("takes name and password that stand in the address, and does not leave them in .git/config", async (t) => {
    const server = await startGitServer(t, { credentials: "me:secret-word" });
    makeHistory(server);

    const folder = await loadGit(t, {
      repo: `${server.url}/project.git`.replace("://", "://me:secret-word@"),
    });

    assert.equal(git(folder, "config", "remote.origin.url"), `${server.url}/project.git`);
  });

  it("says that credentials are wrong or missing, and does not show them", async (t) => {
    const server = await startGitServer(t, { credentials: "me:right" });
    makeHistory(server);
    const repo = `${server.url}/project.git`;

    for (const load of [
      () => loadGit(t, withSecrets(repo), surroundings(secrets("me", "wrong-word"))),
      () => loadGit(t, { repo }),
    ]) {
      await assert.rejects(load(), (error: Error) => {
        assert.match(error.message, /failed to clone .*check usernameSecret and passwordSecret/s);
        assert.doesNotMatch(error.message, /wrong-word/);
        return isExecutorError(error, "Unauthorized");
      });
    }
  });

  it("gives no credential to a host that the server redirects to", async (t) => {
    const foreign = await startGitServer(t, { credentials: "you:other" });
    const own = await startGitServer(t, { credentials: "me:secret-word" });
    own.intercept((request, response) => {
      response.writeHead(302, { location: `${foreign.url}${request.url}` }).end();
      return true;
    });

    await assert.rejects(
      loadGit(t, withSecrets(`${own.url}/project.git`), surroundings(secrets("me", "secret-word"))),
      (error) => isExecutorError(error, "Unauthorized"),
    );

    assert.ok(foreign.requests.length > 0);
    assert.deepEqual(
      foreign.requests.filter(({ authorization }) => authorization !== undefined),
      [],
    );
  });

  it("runs no hook, filter or monitor that somebody's configuration names", async (t) => {
    const server = await startGitServer(t);
    makeRepository(server.root, "project", [{ file: "x", ".gitattributes": "* filter=evil\n" }]);
    const home = await temporaryFolder(t);
    const marker = join(home, "ran");
    mkdirSync(join(home, "hooks"));
    writeFileSync(join(home, "hooks/post-checkout"), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    const lines = [
      "[core]",
      `hooksPath = ${home}/hooks`,
      `fsmonitor = touch ${marker}`,
      '[filter "evil"]',
      `smudge = touch ${marker}`,
    ];
    writeFileSync(join(home, ".gitconfig"), `${lines.join("\n")}\n`);
    const before = process.env.HOME;
    process.env.HOME = home;
    t.after(() => {
      process.env.HOME = before;
    });

    await loadGit(t, { repo: `${server.url}/project.git` });

    assert.equal(existsSync(marker), false);
  });

  it("keeps links as links, wherever they point to", async (t) => {
    const server = await startGitServer(t);
    const work = makeRepository(server.root, "links", [{ file: "x" }]);
    symlinkSync("/etc/passwd", join(work, "outside"));
    git(work, "add", "-A");
    git(work, "commit", "-q", "-m", "links");
    publish(server.root, "links");

    const folder = await loadGit(t, { repo: `${server.url}/links.git` });

    assert.equal(readlinkSync(join(folder, "outside")), "/etc/passwd");
  });

  for (const repo of [
    "ext::sh -c true",
    "file:///work",
    "/work/project",
    "../project",
    "fd::7",
    "-u x:y",
    "ftp://host/x",
    "",
  ]) {
    it(`refuses the address ${JSON.stringify(repo)} before anything runs`, async (t) => {
      await assert.rejects(loadGit(t, { repo }), (error: Error) => {
        assert.match(error.message, /git\.repo .*must be an address such as/);
        return isExecutorError(error, "BadRequest");
      });
    });
  }

  it("says which image has git where there is none", async (t) => {
    const empty = await temporaryFolder(t);

    const loading = loadGit(t, { repo: "https://127.0.0.1:1/x.git" }, inFolder("/tmp", {}, empty));

    await assert.rejects(loading, (error: Error) => {
      assert.match(error.message, /git is not in this image; use the executor image's variant with git/);
      return isExecutorError(error, "Unsupported");
    });
  });

  it("saves, deletes and lists nothing", async () => {
    const artifact = { name: "a", git: { repo: "https://127.0.0.1:1/x.git" } };
    await using driver = await openDriver(artifact, surroundings());

    await assert.rejects(
      driver.saveFile(artifact, fileOf("a", "x"), patience()),
      /git output artifacts unsupported/,
    );
    await assert.rejects(driver.delete(artifact, patience()), /delete not supported/);
    await assert.rejects(keysOf(driver, artifact, patience()), /ListObjects is currently not supported/);
  });
});

describe("git: TLS and proxies", { skip }, () => {
  it("R30: trusts the private CA that every other store trusts, and no certificate that it does not know", async (t) => {
    const { key, cert } = selfSignedCertificate();
    const server = await startGitServer(t, { tls: { key, cert } });
    makeHistory(server);
    const repo = `${server.url}/project.git`;

    const trusting = await loadGit(t, { repo }, surroundings({}, { caPem: cert }));
    const skipping = await loadGit(t, { repo, insecureSkipTLS: true });

    assert.equal(readFileSync(join(trusting, "file"), "utf8"), "4");
    assert.equal(readFileSync(join(skipping, "file"), "utf8"), "4");
    await assert.rejects(loadGit(t, { repo }), (error: Error) => {
      assert.match(error.message, /certificate.*SSL_CERT_FILE.*insecureSkipTLS/s);
      return isExecutorError(error, "BadRequest");
    });
  });

  it("R30: goes through the proxy that every other store uses, and around it where NO_PROXY says so", async (t) => {
    const { key, cert } = selfSignedCertificate();
    const server = await startGitServer(t, { tls: { key, cert } });
    makeHistory(server);
    const proxy = await startConnectProxy(t);
    const settings = {
      caPem: cert,
      proxy: { httpProxy: undefined, httpsProxy: proxy.url, noProxy: undefined },
    };
    const repo = `${server.url}/project.git`;

    await loadGit(t, { repo }, surroundings({}, settings));
    const through = proxy.asked.length;
    await loadGit(
      t,
      { repo },
      surroundings({}, { ...settings, proxy: { ...settings.proxy, noProxy: "127.0.0.1" } }),
    );

    assert.ok(through > 0);
    assert.deepEqual(new Set(proxy.asked), new Set([new URL(server.url).host]));
    assert.equal(proxy.asked.length, through);
  });
});

describe("git: servers that fail", { skip }, () => {
  it("R11: tries again where the connection is reset before the answer", async (t) => {
    const server = await startGitServer(t);
    makeHistory(server);
    let failures = 2;
    server.intercept(({ socket }) => {
      if (failures === 0) return false;
      failures -= 1;
      socket.resetAndDestroy();
      return true;
    });

    const folder = await loadGit(t, { repo: `${server.url}/project.git` });

    assert.equal(failures, 0);
    assert.equal(readFileSync(join(folder, "file"), "utf8"), "4");
  });

  it("R10: tries again what failed with 503, from an empty folder", async (t) => {
    const server = await startGitServer(t);
    makeHistory(server);
    let failures = 2;
    server.intercept((request, response) => {
      if (failures === 0 || request.method !== "POST") return false;
      failures -= 1;
      response.writeHead(503).end("busy");
      return true;
    });

    const folder = await loadGit(t, { repo: `${server.url}/project.git` });

    assert.equal(failures, 0);
    assert.equal(readFileSync(join(folder, "file"), "utf8"), "4");
  });

  it("says that a repository is not there", async (t) => {
    const server = await startGitServer(t);

    await assert.rejects(loadGit(t, { repo: `${server.url}/none.git` }), (error: Error) => {
      assert.match(error.message, /failed to clone "http.*none\.git": .*not found.*check git\.repo/s);
      return isExecutorError(error, "BadRequest");
    });
  });

  it("ends at once when it is told to stop while the server says nothing", async (t) => {
    const server = await startGitServer(t);
    const asked = Promise.withResolvers<void>();
    server.intercept(() => {
      asked.resolve();
      return true;
    });
    const stop = new AbortController();

    const loading = loadGit(t, { repo: `${server.url}/project.git` }, surroundings(), stop.signal);
    await asked.promise;
    stop.abort();

    await assert.rejects(loading, { name: "AbortError" });
  });

  it("ends a git that makes no progress, and all that it has started", async (t) => {
    const server = await startGitServer(t);
    server.intercept(() => true);
    const folder = await temporaryFolder(t);
    const run = { env: { PATH: process.env.PATH ?? "" }, folder, secrets: [], silenceMaxMs: 300 };

    await assert.rejects(runGit(["ls-remote", `${server.url}/x.git`], run, patience()), (error: Error) => {
      assert.match(error.message, /git ls-remote: i\/o timeout: no progress/);
      return isExecutorError(error, "Transient");
    });

    const end = performance.now() + 5_000;
    while (processesThatShow(`${server.url}/x.git`).length > 0 && performance.now() < end)
      await setImmediate();
    assert.deepEqual(processesThatShow(`${server.url}/x.git`), []);
  });

  it("refuses an answer that is no repository's", async (t) => {
    const server = await startGitServer(t);
    server.intercept((_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html>sign in</html>");
      return true;
    });

    await assert.rejects(
      loadGit(t, { repo: `${server.url}/project.git` }),
      /failed to clone .*the server's answer is no git repository's/,
    );
  });
});

function withSecrets(repo: string) {
  return {
    repo,
    usernameSecret: { name: "git", key: "user" },
    passwordSecret: { name: "git", key: "password" },
  };
}

function secrets(user: string, password: string): Record<string, string> {
  return { "git/user": user, "git/password": password };
}

function inFolder(
  temporaryFolder: string,
  held: Record<string, string>,
  searchPath = process.env.PATH ?? "",
) {
  const programs = { searchPath, home: "/root", knownHostsFiles: [], skipsLfs: false, temporaryFolder };
  return surroundings(held, { programs });
}

/** Processes but this one on whose command line or in whose environment the text is. */
function processesThatShow(secret: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    return ["cmdline", "environ"].flatMap((file) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, "latin1").includes(secret) ? [`${pid} ${file}`] : [];
      } catch {
        return [];
      }
    });
  });
}

describe("git: what a server says", { skip }, () => {
  it("does not decide what its failure means", async (t) => {
    const server = await startGitServer(t);
    makeHistory(server);
    const hook = join(server.root, "pack-objects");
    const said = `${hook}.said`;
    // git shows it or not, as it has read it before the end of the answer or not.
    const script = `#!/bin/sh\necho 'Permission denied (publickey)' >&2\n: > ${said}\nsleep 1\nexit 1\n`;
    writeFileSync(hook, script, { mode: 0o755 });
    const global = join(server.root, "gitconfig");
    writeFileSync(global, `[uploadpack]\n\tpackObjectsHook = ${hook}\n`);
    server.environment.GIT_CONFIG_GLOBAL = global;

    const loading = loadGit(t, { repo: `${server.url}/project.git` });

    await assert.rejects(loading, (error) => isExecutorError(error, "Transient"));
    assert.ok(existsSync(said));
  });
});
