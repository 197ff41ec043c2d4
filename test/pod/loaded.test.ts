import assert from "node:assert/strict";
import { resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { manifest, openDesk } from "../resource/desk.ts";
import { location, putObject, secrets, startServers } from "./servers.ts";

const bundle = resolve(import.meta.dirname, "../../dist/lib/argoexec/argoexec.cjs");

/** Runs a main container from the image's bundle, and tells which of its files of packages it has loaded. */
async function packagesOf(t: TestContext, args: readonly string[], template: object) {
  const servers = await startServers(t);
  await putObject(servers, "in/a", "a");
  const desk = await openDesk(t);
  desk.program = bundle;
  desk.configMap("c", { state: "new" });
  for (const [name, values] of Object.entries(secrets)) {
    for (const [key, value] of Object.entries(values)) desk.file(`argo/secret/${name}/${key}`, value);
  }
  const archiveLocation = { s3: { ...location(servers.store), key: "out" } };
  const { code, log } = await desk.start(args, { ...template, archiveLocation }).ended;
  assert.equal(code, 0, log);
  return desk.loaded.flatMap((file) => /\/vendor\/(.+)\.cjs$/.exec(file)?.[1] ?? []);
}

const list = (...expressions: readonly string[]) => ({
  data: {
    source: { artifactPaths: { s3: { key: "in" } } },
    transformation: expressions.map((expression) => ({ expression })),
  },
});

/** What is expected of each role: the packages of the image that it loads, and why. */
const roles: readonly (readonly [string, readonly string[], object, readonly string[]])[] = [
  ["init without artifacts", ["init"], { container: { image: "x", command: ["true"] } }, []],
  ["data that lists", ["data", "{}"], list(), []],
  ["data that transforms", ["data", "{}"], list("filter(data, # endsWith 'a')"), []],
  [
    "resource get of a name",
    ["resource", "get"],
    { resource: { action: "get", flags: ["configmaps", "c"] } },
    [],
  ],
];

describe("what a container loads of the packages in the image", { concurrency: 2 }, () => {
  for (const [title, args, template, expected] of roles) {
    it(`is ${expected.join(", ") || "nothing"} for ${title}`, async (t) => {
      assert.deepEqual(await packagesOf(t, args, template), expected);
    });
  }

  it("is the parser of YAML only for a manifest that is written in more of YAML than most are", async (t) => {
    const get = (text: string) =>
      packagesOf(t, ["resource", "get"], { resource: { action: "get", manifest: text } });
    const json = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}';

    assert.deepEqual(await get(json), []);
    assert.deepEqual(await get(manifest("c")), []);
    assert.deepEqual(await get(`${manifest("c")}more: &anchor {}\n`), ["yaml"]);
  });
});
