import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { containerPlans, encodeArgument, type PlanContext } from "../../src/podfiles/index.ts";
import type { Template } from "../../src/template/index.ts";

const legacy: PlanContext = { includesResult: false, isInitless: false, collector: "wait" };

function plan(template: Template, name: string, context: PlanContext = legacy): string[] {
  return (containerPlans(template, context).get(name) ?? "").trimEnd().split("\n");
}

describe("the plan of a container", () => {
  it("names the outputs that only main can read", () => {
    const template: Template = {
      container: { volumeMounts: [{ name: "v", mountPath: "/work" }] },
      outputs: {
        parameters: [{ name: "p", valueFrom: { path: "/tmp/a b" } }],
        artifacts: [
          { name: "x", path: "/out/" },
          { name: "y", path: "/work/y" },
        ],
      },
    };

    assert.deepEqual(plan(template, "main"), [
      "plan 1",
      "collector wait",
      "output /tmp/a%20b",
      "output /out",
    ]);
  });

  it("captures logs of every main container, and a result of main only", () => {
    const template: Template = {
      containerSet: { containers: [{ name: "main" }, { name: "other" }] },
      archiveLocation: { archiveLogs: true },
    };
    const context = { ...legacy, includesResult: true };

    assert.ok(plan(template, "main", context).includes("capture stdout 262145"));
    assert.ok(plan(template, "other", context).includes("capture combined 0"));
    assert.ok(!plan(template, "other", context).some((line) => line.startsWith("capture stdout")));
  });

  it("R32: bounds logs by a quarter of the pod's ephemeral-storage limit, in equal parts", () => {
    const limits = (...quantities: (string | number)[]): Template => ({
      containerSet: {
        containers: quantities.map((quantity, index) => ({
          name: `c${index}`,
          resources: { limits: { "ephemeral-storage": quantity } },
        })),
      },
      archiveLocation: { archiveLogs: true },
    });
    const limitOf = (template: Template, name: string) =>
      plan(template, name).find((line) => line.startsWith("capture combined"));

    assert.equal(limitOf(limits("1Gi"), "c0"), `capture combined ${2 ** 28}`);
    assert.equal(limitOf(limits("1Gi", "1Gi"), "c1"), `capture combined ${2 ** 28}`);
    assert.equal(limitOf(limits("2e9"), "c0"), "capture combined 500000000");
    assert.equal(limitOf(limits("1.5G"), "c0"), "capture combined 375000000");
    assert.equal(limitOf(limits(4_000_000), "c0"), "capture combined 1000000");
    assert.equal(limitOf(limits("1k"), "c0"), "capture combined 65536");
    assert.equal(limitOf(limits("much"), "c0"), "capture combined 0");
    const withSidecar: Template = {
      script: {},
      sidecars: [{ name: "s", resources: { limits: { "ephemeral-storage": "4Mi" } } }],
      archiveLocation: { archiveLogs: true },
    };
    assert.equal(limitOf(withSidecar, "main"), `capture combined ${2 ** 20}`);
  });

  it("R32: has what is over taken away where there is a collector and a store to take it to", () => {
    const container = { resources: { limits: { "ephemeral-storage": "1Gi" } } };
    const template: Template = { container, archiveLocation: { archiveLogs: true, s3: { key: "k" } } };
    const spools = (changed: Template, context = legacy) =>
      plan(changed, "main", context).filter((line) => line.startsWith("spool"));

    assert.deepEqual(spools(template), ["spool 33554432"]);
    assert.deepEqual(spools(template, { ...legacy, collector: undefined }), []);
    assert.deepEqual(spools({ ...template, archiveLocation: { archiveLogs: true, http: { url: "u" } } }), []);
    assert.deepEqual(spools({ ...template, container: {} }), []);
  });

  it("runs a container-set member `retries` times, and nonsense once", () => {
    const withRetries = (retries: string | number, duration?: string): Template => ({
      containerSet: {
        containers: [{ name: "main" }],
        retryStrategy: { retries, ...(duration === undefined ? {} : { duration }) },
      },
    });

    assert.ok(plan(withRetries("3", "1s"), "main").includes("attempts 3"));
    assert.ok(plan(withRetries("3", "1s"), "main").includes("pause 1000"));
    assert.ok(plan(withRetries(0), "main").includes("attempts 1"));
    assert.ok(plan(withRetries("many"), "main").includes("attempts 1"));
    assert.match(plan(withRetries(2, "soon"), "main").join("\n"), /^fail .*must%20be%20a%20duration/m);
  });

  it("ends a sidecar with the main containers, and main with nothing", () => {
    const template: Template = { container: {}, sidecars: [{ name: "proxy" }] };

    assert.deepEqual(plan(template, "proxy"), ["plan 1", "ends-with main"]);
    assert.deepEqual(plan(template, "main"), ["plan 1", "collector wait"]);
  });

  it("places inputs itself in the init-less layout, away from user volumes", () => {
    const template: Template = {
      script: { volumeMounts: [{ name: "v", mountPath: "/data" }] },
      inputs: { artifacts: [{ name: "in", path: "/in" }] },
    };

    const lines = plan(template, "main", { ...legacy, isInitless: true, collector: "supervisor" });

    assert.deepEqual(lines, ["plan 1", "collector supervisor", "input in /in", "mount /data"]);
  });

  it("percent-encodes every byte that could end an argument", () => {
    assert.equal(encodeArgument("/a b%\n✓"), "/a%20b%25%0A%E2%9C%93");
    assert.equal(encodeArgument(""), "%");
  });
});
