// The short way for manifests as they mostly are, beside the parser for all of YAML.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Json, writeJson } from "../../src/resource/kubectl/json.ts";
import { readLeanYaml } from "../../src/resource/kubectl/lean-yaml.ts";
import { readAnyYaml } from "../../src/resource/kubectl/yaml.ts";

const originals = JSON.parse(
  readFileSync(new URL("../fixtures/resource/yaml-originals.json", import.meta.url), "utf8"),
) as readonly { readonly yaml: string; readonly json?: string }[];

/** Members in their order. */
const shown = (value: Json) =>
  JSON.stringify(value, (_name, member: unknown) => (typeof member === "bigint" ? `${member}n` : member));

const configMap = `apiVersion: v1
kind: ConfigMap
metadata:
  name: x
  labels: {app: "bench", n: 0777, 'a.b/c': yes}
data:
  state: ready # as it is now
  text: |
    first
      deeper

    # no comment
  quoted: 'it''s'
`;
const job = `# from the documentation
apiVersion: batch/v1
kind: Job
metadata:
  generateName: pi-job-
spec:
  template:
    metadata:
      name: pi
    spec:
      containers:
      - name: pi
        image: perl:5.34
        command: ["perl",  "-Mbignum=bpi", "-wle", "print bpi(2000)"]
        args:
          - -c
          - |-
            echo a: b
            exit 0
        resources: {limits: {cpu: 500m, memory: 1Gi}, requests: {}}
      - {name: other, image: busybox}
      restartPolicy: Never
      volumes: []
  backoffLimit: 4
  parallelism: 9007199254740993
status:
`;

describe("manifests as they mostly are", () => {
  it("need no parser for all of YAML", () => {
    for (const manifest of [configMap, job]) assert.notEqual(readLeanYaml(manifest), undefined);
    assert.equal((readLeanYaml(configMap) as { data: { quoted: string } }).data.quoted, "it's");
  });

  it("mean what the originals say, or are left to that parser", () => {
    let lean = 0;
    for (const { yaml, json } of originals) {
      const found = readLeanYaml(yaml);
      if (found === undefined) continue;
      lean += 1;
      assert.equal(writeJson(found), json, JSON.stringify(yaml));
    }
    assert.ok(lean > 150, `${lean} of ${originals.length}`);
  });

  it("mean the same to both, however they are broken", async () => {
    const bits = fc.constantFrom(
      ...[
        "\n",
        " ",
        "  ",
        ": ",
        ":",
        "- ",
        "-",
        "#",
        " #",
        "'",
        '"',
        "{",
        "}",
        "[",
        "]",
        ", ",
        ",",
        "|",
        "|-",
      ],
      ...[
        "|+",
        ">",
        "~",
        "yes",
        "0x1F",
        "1_000",
        "1e3",
        ".5",
        ".nan",
        "&a ",
        "*a",
        "!!str ",
        "?",
        "<<: ",
        "%",
      ],
      ...["@", "`", "\\", "\\n", "é", "日本", "...", "---", "null", "12:30", "a b", "a: b", "- a\n", "\n\n"],
      ...["\n  ", "\n    ", "+1", "0o7", "=", "$x", "(a)", "\u0085", "\u00a0", "\ufeff", "\t", "\r\n"],
    );
    const place = fc.nat(600);
    const edit = fc.tuple(place, fc.nat(4), fc.oneof(bits, fc.constant("")));
    const cut = fc.tuple(place, fc.integer({ min: 10, max: 300 }), fc.boolean());
    const property = fc.asyncProperty(
      fc.constantFrom(configMap, job),
      cut,
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      async (manifest, [from, length, isWhole], edits) => {
        let text = isWhole ? manifest : manifest.slice(from, from + length);
        for (const [at, removed, added] of edits) {
          const where = at % (text.length + 1);
          text = text.slice(0, where) + added + text.slice(where + removed);
        }
        const lean = readLeanYaml(text);
        if (lean !== undefined)
          assert.equal(shown(lean), shown(await readAnyYaml(text)), JSON.stringify(text));
      },
    );
    await fc.assert(property, { numRuns: 1500 });
  });
});
