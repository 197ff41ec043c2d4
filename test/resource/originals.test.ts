// What kubectl's own libraries made of the same input: sigs.k8s.io/yaml 1.6, apimachinery 0.34.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type JsonObject, parseJson, writeJson } from "../../src/resource/kubectl/json.ts";
import { threeWayMergePatch } from "../../src/resource/kubectl/json-merge.ts";
import { patchSchemaOf } from "../../src/resource/kubectl/patch-schema.ts";
import { threeWayStrategicPatch } from "../../src/resource/kubectl/strategic-merge.ts";
import { readAnyYaml, readYaml } from "../../src/resource/kubectl/yaml.ts";

function fixture<T>(name: string): T {
  const file = new URL(`../fixtures/resource/${name}`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

interface PatchCase {
  readonly kind: string;
  readonly original: JsonObject | null;
  readonly modified: JsonObject;
  readonly current: JsonObject;
  readonly patch: JsonObject;
}

const kinds: Readonly<Record<string, readonly [string, string]>> = {
  Pod: ["", "v1"],
  Service: ["", "v1"],
  ServiceAccount: ["", "v1"],
  ConfigMap: ["", "v1"],
  Deployment: ["apps", "v1"],
  Job: ["batch", "v1"],
};

describe("manifests and patches come out as in the original", () => {
  it("reads YAML 1.1 as sigs.k8s.io/yaml does", async () => {
    const cases = fixture<{ yaml: string; json?: string; isError?: true }[]>("yaml-originals.json");
    assert.ok(cases.length > 700);
    for (const { yaml, json } of cases) {
      for (const read of [readYaml, readAnyYaml]) {
        if (json === undefined) await assert.rejects(read(yaml), Error, JSON.stringify(yaml));
        else assert.equal(writeJson(await read(yaml)), json, JSON.stringify(yaml));
      }
    }
  });

  const cases = fixture<PatchCase[]>("patch-originals.json");
  const documents = fixture<Record<string, JsonObject>>("openapi.json");
  for (const kind of [...Object.keys(kinds), "Custom"]) {
    it(`merges a ${kind} three ways`, () => {
      const own = cases.filter((each) => each.kind === kind);
      assert.ok(own.length >= 40);
      const [group, version] = kinds[kind] ?? ["", ""];
      const document = documents[group === "" ? version : `${group}/${version}`] ?? {};
      const schema = patchSchemaOf(document, { group, version, kind });
      assert.equal(schema === undefined, kind === "Custom");
      for (const { original, modified, current, patch } of own) {
        const before = original ?? undefined;
        const made = schema
          ? threeWayStrategicPatch(before, modified, current, schema)
          : threeWayMergePatch(before, modified, current);
        assert.equal(writeJson(made), writeJson(patch));
      }
    });
  }

  it("keeps whole numbers of 64 bits", () => {
    assert.equal(writeJson(parseJson('{"n":9007199254740993,"f":1.5}')), '{"f":1.5,"n":9007199254740993}');
  });

  it("refuses aliases that grow without end, and a value that contains itself", async () => {
    const levels = Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`);
    await assert.rejects(readYaml(["a0: &a0 [x, x]", ...levels].join("\n")), /excessive aliasing/);
    await assert.rejects(readYaml("a: &a [*a]"), /contains itself|unknown anchor/);
  });
});
