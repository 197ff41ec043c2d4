import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";

const canChroot = process.getuid?.() === 0;
const template = JSON.stringify({ name: "main", container: {}, inputs: {}, outputs: {} });

describe("the image's root folder", () => {
  let root = "";
  before(() => {
    root = mkdtempSync(join(tmpdir(), "outrider-image-"));
    execFileSync(process.execPath, ["scripts/image.ts", root, "--version", "1.2.3"], { stdio: "inherit" });
  });
  after(() => {
    for (const path of [root, `${root}.provenance.json`]) rmSync(path, { recursive: true, force: true });
  });

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

  it("is the same folder whenever it is built from the same sources", () => {
    const again = mkdtempSync(join(tmpdir(), "outrider-image-again-"));
    try {
      execFileSync(process.execPath, ["scripts/image.ts", again, "--version", "1.2.3"], { stdio: "inherit" });

      const differing = spawnSync("diff", ["-rq", "--no-dereference", root, again], {
        encoding: "utf8",
      });

      assert.equal(differing.stdout, "");
      assert.equal(subject(again), subject(root));
      assert.equal(statSync(join(root, "bin/argoexec")).mtimeMs, 0);
    } finally {
      for (const path of [again, `${again}.provenance.json`]) rmSync(path, { recursive: true, force: true });
    }
  });

  it("says what it was built from", () => {
    const { predicate } = JSON.parse(readFileSync(`${root}.provenance.json`, "utf8"));
    const lock = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");

    const found = predicate.buildDefinition.resolvedDependencies.map(
      ({ name, uri, digest }: { name?: string; uri?: string; digest?: { sha256?: string } }) =>
        name === "package-lock.json" ? digest?.sha256 : (name ?? uri?.replace(/@.*/, "")),
    );

    assert.ok(found.includes(lock));
    assert.ok(found.includes("pkg:deb/debian/libc6"), found.join(" "));
  });

  it("holds a bill of materials that names every package, and the licence texts of each, and ours", () => {
    const folder = join(root, "usr/share/doc/outrider");
    const sbom = JSON.parse(readFileSync(join(folder, "sbom.spdx.json"), "utf8")) as {
      spdxVersion: string;
      packages: { name: string; versionInfo: string }[];
    };
    const listed = sbom.packages.slice(1).map(({ name, versionInfo }) => `${name}@${versionInfo}`);

    assert.equal(sbom.spdxVersion, "SPDX-2.3");
    assert.match(readFileSync(join(folder, "LICENSE"), "utf8"), /Apache License/);
    const texts = ["npm", "deb"].flatMap((kind) =>
      readdirSync(join(folder, kind)).map((name) => {
        const files = readdirSync(join(folder, kind, name));
        assert.ok(files.length > 0, `${name} has no licence text`);
        for (const file of files)
          assert.ok(statSync(join(folder, kind, name, file)).size > 100, `${name}/${file}`);
        return name.replace(/^(@[^+]+)\+/, "$1/");
      }),
    );
    assert.deepEqual(texts.toSorted(), listed.map((name) => name.replace(":", "+")).toSorted());
    // What a person finds in the image by looking: the runtime, the libraries beside it, the largest packages of the bundle.
    const names = listed.map((name) => name.slice(0, name.lastIndexOf("@")));
    const expected = [
      ...[`node-linux-${process.arch}`, "undici", "yaml", "pino", "re2js", "@kubernetes/client-node"],
      ...["libc6", "libstdc++6", "libgcc-s1", "libisal2", "libdeflate-dev", "musl-dev", "tzdata"],
      ...["ca-certificates", "media-types"],
    ];
    assert.deepEqual(
      expected.filter((name) => !names.includes(name)),
      [],
    );
  });

  it("ships nothing under a licence that asks for more than its text", () => {
    const { packages } = JSON.parse(
      readFileSync(join(root, "usr/share/doc/outrider/sbom.spdx.json"), "utf8"),
    ) as {
      packages: { name: string; licenseDeclared: string; externalRefs?: { referenceLocator: string }[] }[];
    };
    const fromNpm = packages.filter(({ externalRefs }) =>
      externalRefs?.[0]?.referenceLocator.startsWith("pkg:npm/"),
    );

    const others = fromNpm.filter(
      ({ licenseDeclared }) =>
        !/^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|Unlicense|BlueOak-1\.0\.0|CC0-1\.0|Python-2\.0)\)?$/.test(
          licenseDeclared,
        ),
    );

    assert.ok(fromNpm.length > 50);
    assert.deepEqual(
      others.map(({ name, licenseDeclared }) => `${name}: ${licenseDeclared}`),
      [],
    );
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

      const run = spawnSync(
        "unshare",
        withProc(root, [`--userspec=${user}`, root, "/bin/argoexec", "init"]),
        {
          encoding: "utf8",
          env: {
            PATH: "/bin:/usr/sbin",
            ARGO_POD_NAME: "p",
            ARGO_DEADLINE: "0001-01-01T00:00:00Z",
            ARGO_TEMPLATE: template,
          },
        },
      );

      assert.equal(run.stderr, "");
      assert.equal(run.status, 0);
      assert.equal(readFileSync(join(root, "var/run/argo/template"), "utf8"), template);
      assert.equal(statSync(join(root, "var/run/argo/argoexec")).mode & 0o777, 0o555);
      rmSync(join(root, "var/run/argo"), { recursive: true });
    }
  });

  it("loads the inputs of a plugin in the plugin's image, which has another C library or none", {
    skip: !canChroot && "chroot needs root",
  }, async () => {
    for (const user of ["0:0", "8737:0"]) {
      const image = await pluginImage(root);
      const argo = join(root, "var/run/argo");
      rmSync(argo, { recursive: true, force: true });
      mkdirSync(argo, { recursive: true });
      execFileSync("chmod", ["0777", argo]);
      const env = {
        PATH: "/bin:/usr/sbin",
        ARGO_POD_NAME: "p",
        ARGO_DEADLINE: "0001-01-01T00:00:00Z",
        ARGO_TEMPLATE: JSON.stringify({
          name: "main",
          container: {},
          inputs: {
            artifacts: [
              { name: "f", path: "/in/f", plugin: { name: "demo", configuration: "c", key: "some/key" } },
            ],
          },
        }),
      };

      const init = spawnSync(
        "unshare",
        withProc(root, [`--userspec=${user}`, root, "/bin/argoexec", "init"]),
        {
          encoding: "utf8",
          env,
        },
      );
      execFileSync("cp", ["-a", argo, join(image, "var/run")]);
      const command = [
        "/plugin/ld.so",
        "--library-path",
        "/plugin/lib",
        "/plugin/node",
        "/plugin/server.cjs",
      ];
      const load = spawnSync(
        "unshare",
        withProc(image, [
          `--userspec=${user}`,
          image,
          ...[
            "/var/run/argo/argoexec",
            "artifact-plugin-init",
            "--plugin-name",
            "demo",
            "--loglevel",
            "info",
            "--",
          ],
          ...[...command, "/tmp/artifact-plugins/demo/socket"],
        ]),
        { encoding: "utf8", env },
      );

      assert.deepEqual([init.status, init.stderr], [0, ""]);
      assert.equal(load.status, 0, load.stderr);
      assert.equal(readFileSync(join(image, "argo/inputs/artifacts/f"), "utf8"), "content of some/key");
      rmSync(image, { recursive: true });
    }
  });
});

/** The digest that the provenance of a root folder is about. */
function subject(folder: string): string {
  return JSON.parse(readFileSync(`${folder}.provenance.json`, "utf8")).subject[0].digest.dirHash;
}

/** A root folder with a plugin in it and no libraries where programs look for them: the plugin brings its own. */
async function pluginImage(executor: string): Promise<string> {
  const image = mkdtempSync(join(tmpdir(), "outrider-plugin-image-"));
  for (const folder of ["tmp", "var/run", "argo/inputs/artifacts", "dev", "plugin/lib"]) {
    mkdirSync(join(image, folder), { recursive: true });
    execFileSync("chmod", ["1777", join(image, folder)]);
  }
  execFileSync("chmod", ["0755", image]);
  const node = join(executor, "lib/argoexec/node");
  copyFileSync(node, join(image, "plugin/node"));
  const listing = execFileSync("ldd", [node], { encoding: "utf8" });
  for (const [, path = ""] of listing.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
    const isLoader = basename(path).startsWith("ld-");
    copyFileSync(path, join(image, "plugin", isLoader ? "ld.so" : join("lib", basename(path))));
  }
  await build({
    entryPoints: ["test/image/plugin-server.ts"],
    outfile: join(image, "plugin/server.cjs"),
    bundle: true,
    platform: "node",
    format: "cjs",
  });
  return image;
}

/** Arguments of unshare for a chroot that has /proc, as every container does; it goes with the process. */
function withProc(root: string, args: readonly string[]): string[] {
  const script = 'mkdir -p "$0/proc" && mount --bind /proc "$0/proc" && exec chroot "$@"';
  return ["--mount", "sh", "-c", script, root, ...args];
}
