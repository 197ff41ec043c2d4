import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
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
