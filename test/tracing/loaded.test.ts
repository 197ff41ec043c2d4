import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";

/** Run without the static program, which lets no NODE_OPTIONS through to it. */
const bundle = resolve(import.meta.dirname, "../../dist/lib/argoexec/argoexec.cjs");

/** What a pod's `init` has loaded by its end: our files, and Node's own modules. */
function loadedBy(t: TestContext, env: Readonly<Record<string, string>>) {
  const root = mkdtempSync("/tmp/loaded-");
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "var/run/argo"), { recursive: true });
  const [hook, list] = [join(root, "hook.cjs"), join(root, "list.json")];
  writeFileSync(
    hook,
    `process.on("exit", () => require("fs").writeFileSync(${JSON.stringify(list)},
       JSON.stringify({ files: Object.keys(require.cache), builtins: process.moduleLoadList })));`,
  );
  const { status, stderr } = spawnSync(process.execPath, ["--require", hook, bundle, "init"], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      ARGOEXEC_ROOT: root,
      ARGO_POD_NAME: "p",
      ARGO_DEADLINE: "0001-01-01T00:00:00Z",
      ARGO_TEMPLATE: JSON.stringify({ name: "t", container: {} }),
      TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      ...env,
    },
  });
  assert.equal(status, 0, stderr);
  const { files, builtins } = JSON.parse(readFileSync(list, "utf8")) as {
    readonly files: readonly string[];
    readonly builtins: readonly string[];
  };
  return { vendors: files.filter((file) => file.includes("/vendor/")), builtins };
}

describe("what tracing costs", () => {
  it("loads nothing where no endpoint exists: no package, no HTTP/2", (t) => {
    const { vendors, builtins } = loadedBy(t, {});

    assert.deepEqual(vendors, []);
    assert.ok(!builtins.includes("NativeModule http2"));
    assert.ok(!builtins.includes("NativeModule internal/http2/core"));
  });

  it("loads one file of OpenTelemetry's where it does", (t) => {
    const { vendors, builtins } = loadedBy(t, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });

    assert.deepEqual(
      vendors.map((file) => file.split("/").at(-1)),
      ["tracing.cjs"],
    );
    assert.ok(builtins.some((name) => name.includes("http2")));
  });
});
