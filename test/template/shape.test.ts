import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseTemplate } from "../../src/template/index.ts";

function problem(template: object): string {
  try {
    parseTemplate(JSON.stringify(template), "ARGO_TEMPLATE");
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

const input = (artifact: object) => ({ inputs: { artifacts: [{ name: "a", path: "/a", ...artifact }] } });

describe("the form of a template", () => {
  it("is named with its place, and never with a value, which may be a secret", () => {
    const cases: readonly [object, string][] = [
      [input({ mode: "0755" }), "ARGO_TEMPLATE: inputs.artifacts[0].mode must be a number, not text"],
      [
        input({ raw: { data: 4711 } }),
        "ARGO_TEMPLATE: inputs.artifacts[0].raw.data must be text (put it in quotes), not a number",
      ],
      [input({ s3: "bucket/key" }), "ARGO_TEMPLATE: inputs.artifacts[0].s3 must be an object, not text"],
      [{ inputs: { artifacts: [null] } }, "ARGO_TEMPLATE: inputs.artifacts[0] must be an object, not null"],
      [
        { outputs: { artifacts: [{ name: "a", archive: "none" }] } },
        "ARGO_TEMPLATE: outputs.artifacts[0].archive must be an object, not text",
      ],
    ];

    for (const [template, message] of cases) assert.equal(problem(template), message);
  });

  it("is free where the executor does not read it, and null is as good as nothing", () => {
    const template = {
      ...input({ archive: null, optional: null, s3: { key: "k", later: [1] } }),
      outputs: { parameters: [{ name: "p", value: 5, valueFrom: { path: "/p", default: true } }] },
      container: { name: "", image: "x", args: null, resources: { limits: { cpu: 1 } }, later: "field" },
      metadata: {},
    };

    assert.equal(problem(template), "");
  });

  it("refuses dependencies that would be waited for without end", () => {
    const set = (...containers: object[]) => ({ containerSet: { containers } });

    assert.equal(
      problem(set({ name: "main", dependencies: ["b"] })),
      "ARGO_TEMPLATE: container main depends on b, which the container set does not have",
    );
    assert.equal(
      problem(
        set({ name: "a" }, { name: "b", dependencies: ["a", "c"] }, { name: "c", dependencies: ["b"] }),
      ),
      "ARGO_TEMPLATE: containers wait for each other: b, c",
    );
    assert.equal(problem(set({ name: "a" }, { name: "b", dependencies: ["a"] })), "");
  });
});
