import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, it } from "node:test";
import { loadInputs } from "../../src/inputs/index.ts";
import { makePod } from "./pod-folder.ts";

const never = new AbortController().signal;

describe("input artifacts", () => {
  it("are placed by name, or where their path lies in a user's volume", async (t) => {
    const { loader } = makePod(t);
    const template = {
      container: { volumeMounts: [{ name: "work", mountPath: "/work" }] },
      inputs: {
        artifacts: [
          { name: "apart", path: "/tmp/apart", raw: { data: "one" } },
          { name: "inside", path: "/work/deep/inside", raw: { data: "two" } },
          { name: "beside", path: "/work-not", raw: { data: "three" } },
        ],
      },
    };

    await loadInputs(loader, template, never);

    assert.equal(readFileSync(loader.paths.input("apart"), "utf8"), "one");
    assert.equal(readFileSync(loader.paths.mirrored("/work/deep/inside"), "utf8"), "two");
    assert.equal(readFileSync(loader.paths.input("beside"), "utf8"), "three");
  });

  it("have the mode that the template asks for", async (t) => {
    const { loader } = makePod(t);
    const artifact = { name: "tool", path: "/bin/tool", mode: 0o755, raw: { data: "#!/bin/sh\n" } };

    await loadInputs(loader, { container: {}, inputs: { artifacts: [artifact] } }, never);

    assert.equal(statSync(loader.paths.input("tool")).mode & 0o777, 0o755);
  });

  it("may be missing where they are optional, and are an error that names them where not", async (t) => {
    const { loader, said } = makePod(t);
    const optional = { name: "maybe", path: "/tmp/maybe", optional: true };
    const required = { name: "must", path: "/tmp/must" };

    await loadInputs(loader, { container: {}, inputs: { artifacts: [optional] } }, never);
    const failing = loadInputs(loader, { container: {}, inputs: { artifacts: [required] } }, never);

    await assert.rejects(failing, { code: "NotFound", message: "required artifact 'must' not supplied" });
    assert.deepEqual(said, ["optional artifact not supplied, skipped"]);
    assert.ok(!existsSync(loader.paths.input("maybe")));
  });

  it("replace what an earlier run of the container had loaded", async (t) => {
    const { loader } = makePod(t);
    mkdirSync(loader.paths.input("src"));
    writeFileSync(`${loader.paths.input("src")}/old`, "of the earlier run");
    const artifact = { name: "src", path: "/tmp/src", raw: { data: "new" } };

    await loadInputs(loader, { container: {}, inputs: { artifacts: [artifact] } }, never);

    assert.equal(readFileSync(loader.paths.input("src"), "utf8"), "new");
  });

  it("do not replace a folder of the user's on a volume, and say so", async (t) => {
    const { loader } = makePod(t);
    mkdirSync(loader.paths.mirrored("/work/in"), { recursive: true });
    writeFileSync(loader.paths.mirrored("/work/in/theirs"), "");
    const template = {
      container: { volumeMounts: [{ name: "work", mountPath: "/work" }] },
      inputs: { artifacts: [{ name: "in", path: "/work/in", raw: { data: "x" } }] },
    };

    await assert.rejects(
      loadInputs(loader, template, never),
      /artifact in failed to load: \/work\/in exists already as a folder, which is not replaced/,
    );

    assert.ok(existsSync(loader.paths.mirrored("/work/in/theirs")));
  });

  const onVolume = (path: string, data = "x") => ({
    container: {
      volumeMounts: [
        { name: "work", mountPath: "/work" },
        { name: "data", mountPath: "/data/set" },
      ],
    },
    inputs: { artifacts: [{ name: "in", path, raw: { data } }] },
  });

  it("never leave the step's volumes, whatever links another pod left on one", async (t) => {
    const { loader } = makePod(t);
    const { paths } = loader;
    const work = paths.mirrored("/work");
    mkdirSync(work);
    symlinkSync(paths.runtime, `${work}/absolute`);
    symlinkSync("../../var/run/argo", `${work}/climbing`);
    symlinkSync("../../..", `${work}/up`);
    symlinkSync("..", `${work}/root`);
    symlinkSync("/data", `${work}/beside`);
    symlinkSync("climbing", `${work}/twice`);
    symlinkSync("loop", `${work}/loop`);

    for (const path of ["absolute/x", "climbing/x", "up/var/x", "root/x", "beside/x", "twice/y/x"]) {
      await assert.rejects(
        loadInputs(loader, onVolume(`/work/${path}`), never),
        /^ExecutorError: artifact in failed to load: a link on the volume leads \/work\/.* to \/.*, which is on no volume of the step; remove the link/,
        path,
      );
    }
    await assert.rejects(
      loadInputs(loader, onVolume("/work/loop/x"), never),
      /too many levels of symbolic links/,
    );
    assert.deepEqual(readdirSync(paths.runtime), []);
    assert.deepEqual(readdirSync(paths.mirror), ["work"]);
  });

  it("follow links as main does, within a volume and from one to another", async (t) => {
    const { loader } = makePod(t);
    const { paths } = loader;
    const work = paths.mirrored("/work");
    mkdirSync(`${work}/run-3`, { recursive: true });
    mkdirSync(paths.mirrored("/data/set"), { recursive: true });
    symlinkSync("run-3", `${work}/latest`);
    symlinkSync("/work/../work/./run-3", `${work}/absolute`);
    symlinkSync("../data/set", `${work}/other`);

    await loadInputs(loader, onVolume("/work/latest/deep/a", "1"), never);
    await loadInputs(loader, onVolume("/work/absolute/b", "2"), never);
    await loadInputs(loader, onVolume("/work/other/c", "3"), never);

    assert.equal(readFileSync(`${work}/run-3/deep/a`, "utf8"), "1");
    assert.equal(readFileSync(`${work}/run-3/b`, "utf8"), "2");
    assert.equal(readFileSync(paths.mirrored("/data/set/c"), "utf8"), "3");
  });

  it("replace a link at their own place on a volume, and touch neither what it leads to nor what lies beside it", async (t) => {
    const { loader } = makePod(t);
    const { paths } = loader;
    const work = paths.mirrored("/work");
    mkdirSync(work);
    writeFileSync(`${paths.runtime}/template`, "ours");
    symlinkSync(`${paths.runtime}/template`, `${work}/in`);
    symlinkSync(paths.runtime, `${work}/in.tmp`);

    await loadInputs(loader, onVolume("/work/in"), never);

    assert.equal(readFileSync(`${work}/in`, "utf8"), "x");
    assert.ok(lstatSync(`${work}/in`).isFile());
    assert.equal(readFileSync(`${paths.runtime}/template`, "utf8"), "ours");
    assert.deepEqual(readdirSync(paths.runtime), ["template"]);
    assert.deepEqual(readdirSync(work).sort(), ["in", "in.tmp"]);
  });

  it("take away what a killed container left on a volume, and leave nothing when they fail", async (t) => {
    const { loader } = makePod(t);
    const work = loader.paths.mirrored("/work");
    mkdirSync(`${work}/in.tmp`, { recursive: true });
    chmodSync(`${work}/in.tmp`, 0o700);
    writeFileSync(`${work}/in.tmp/half`, "");
    const template = onVolume("/work/in");
    const [artifact] = template.inputs.artifacts;
    const broken = {
      ...template,
      inputs: { artifacts: [{ ...artifact, name: "in", archive: { zip: {} } }] },
    };

    await assert.rejects(
      loadInputs(loader, broken, never),
      /artifact in failed to load: .*not a valid zip file/,
    );

    assert.deepEqual(readdirSync(work), []);
  });

  it("are refused at a path that climbs out, whatever stands before it", async (t) => {
    const { loader } = makePod(t);
    const artifact = { name: "x", path: "/tmp/../etc/passwd", raw: { data: "x" } };

    await assert.rejects(
      loadInputs(loader, { container: {}, inputs: { artifacts: [artifact] } }, never),
      /Artifact 'x' attempted to use a path containing '..'/,
    );
  });

  it("fail with the error of the first in the template's order, however many fail", async (t) => {
    const { loader } = makePod(t);
    const artifacts = ["a", "b", "c"].map((name) => ({ name, path: `/tmp/${name}` }));

    await assert.rejects(
      loadInputs(loader, { container: {}, inputs: { artifacts } }, never),
      /required artifact 'a' not supplied/,
    );
  });
});
