import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import { loadInputs } from "../../src/inputs/index.ts";
import type { Artifact, ArtifactLocation } from "../../src/template/index.ts";
import { patience, surroundings } from "../drivers/surroundings.ts";
import { makePod } from "../inputs/pod-folder.ts";
import { pluginFolders } from "../servers/artifact-plugin.ts";
import { frame, respond, startHttp2 } from "./hostile-server.ts";

const success = frame(Buffer.from([0x08, 0x01]));

/** A pod whose input a plugin writes to a volume: `write` does so, and whatever another pod does there meanwhile. */
async function setUp(t: TestContext, write: (path: string, volume: string) => void) {
  const { loader } = makePod(t);
  const { places } = await pluginFolders(t);
  const volume = loader.paths.mirrored("/work");
  mkdirSync(join(volume, "in"), { recursive: true });
  await startHttp2(t, join(places.sockets, "demo/socket"), async (stream) => {
    const [path = ""] = /\/[-\w./]*\.tmp/.exec((await buffer(stream)).toString("latin1")) ?? [];
    write(path, volume);
    respond(stream, success);
  });
  const context = { ...surroundings(), plugins: places };
  const load = async (rest: Partial<Artifact>) => {
    const artifact = {
      name: "x",
      path: "/work/in/x",
      plugin: { name: "demo", configuration: "c", connectionTimeoutSeconds: 1, key: "k" },
      ...rest,
    };
    const template = {
      container: { volumeMounts: [{ name: "work", mountPath: "/work" }] },
      inputs: { artifacts: [artifact] },
    };
    const openDriverHere = (location: ArtifactLocation) => openDriver(location, context);
    await loadInputs({ ...loader, openDriver: openDriverHere, plugin: "demo" }, template, patience());
  };
  return { load, volume, ours: loader.paths.runtime };
}

describe("a plugin's input on a volume that another pod is at work on", () => {
  it("is placed in the folder that was found, though a link has taken that folder's name since", async (t) => {
    const { load, volume, ours } = await setUp(t, (path) => {
      writeFileSync(path, "of the plugin");
      renameSync(join(volume, "in"), join(volume, "moved"));
      symlinkSync(ours, join(volume, "in"));
      writeFileSync(join(ours, "x.tmp"), "of the executor");
      chmodSync(join(ours, "x.tmp"), 0o600);
    });

    await load({ archive: { none: {} } });

    assert.deepEqual(readdirSync(join(volume, "moved")), ["x"]);
    assert.equal(readFileSync(join(volume, "moved/x"), "utf8"), "of the plugin");
    assert.deepEqual(readdirSync(ours), ["x.tmp"], "nothing of ours is moved, made or removed");
    assert.equal(statSync(join(ours, "x.tmp")).mode & 0o777, 0o600);
  });

  it("is not taken from a file of ours that a link in its place leads to", async (t) => {
    const { load, volume, ours } = await setUp(t, (path) => {
      writeFileSync(join(ours, "template"), "of the executor");
      chmodSync(join(ours, "template"), 0o600);
      symlinkSync(join(ours, "template"), path);
    });

    await assert.rejects(load({}), /left neither file nor directory, but a link or a special file/);

    assert.deepEqual(readdirSync(join(volume, "in")), []);
    assert.equal(statSync(join(ours, "template")).mode & 0o777, 0o600);
  });

  it("has its modes set on itself, and on nothing that links in it lead to", async (t) => {
    const { load, volume, ours } = await setUp(t, (path) => {
      writeFileSync(join(ours, "template"), "of the executor");
      chmodSync(join(ours, "template"), 0o600);
      mkdirSync(join(path, "deep"), { recursive: true });
      writeFileSync(join(path, "deep/f"), "");
      symlinkSync(join(ours, "template"), join(path, "link"));
      symlinkSync(ours, join(path, "folder"));
    });

    await load({ mode: 0o755, recurseMode: true });

    const placed = join(volume, "in/x");
    for (const name of ["", "deep", "deep/f"]) assert.equal(statSync(join(placed, name)).mode & 0o777, 0o755);
    assert.equal(statSync(join(ours, "template")).mode & 0o777, 0o600);
  });

  it("removes what was left in its place, and follows no link in it", async (t) => {
    const { load, volume, ours } = await setUp(t, (path) => writeFileSync(path, "of the plugin"));
    writeFileSync(join(ours, "template"), "of the executor");
    mkdirSync(join(volume, "in/x.tmp/deep"), { recursive: true });
    symlinkSync(ours, join(volume, "in/x.tmp/deep/folder"));
    symlinkSync(ours, join(volume, "in/x.tmp/folder"));

    await load({ archive: { none: {} } });

    assert.deepEqual(readdirSync(join(volume, "in")), ["x"]);
    assert.ok(existsSync(join(ours, "template")));
  });
});
