import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { ExecutorError } from "../../src/errors/index.ts";
import { connectKube } from "../../src/kube/index.ts";

async function connectWith(t: TestContext, kubeconfig: string) {
  const folder = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "config");
  await writeFile(path, kubeconfig);
  return connectKube({
    kubeconfig: path,
    context: undefined,
    server: undefined,
    token: undefined,
    certificateAuthority: undefined,
    insecureSkipTlsVerify: false,
    tlsServerName: undefined,
    namespace: undefined,
    podNamespace: undefined,
    kubeconfigVariable: undefined,
    serviceHost: undefined,
    servicePort: undefined,
    home: undefined,
    serviceAccountDir: folder,
  });
}

describe("a kubeconfig", () => {
  it("that is not YAML is refused without a word of its content", async (t) => {
    const text = "users:\n- name: u\n  user: {token: s3cret-token, [\n";

    await assert.rejects(connectWith(t, text), (error: ExecutorError) => {
      assert.equal(error.code, "BadRequest");
      assert.match(error.message, /^kubeconfig .*config: [^\n]+$/);
      assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /s3cret/);
      return true;
    });
  });

  it("whose credential helper cannot be run is named together with the helper", async (t) => {
    const text = JSON.stringify({
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [{ name: "k", cluster: { server: "https://127.0.0.1:1" } }],
      users: [
        {
          name: "u",
          user: { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "no-such-helper" } },
        },
      ],
    });

    await assert.rejects(connectWith(t, text), (error: ExecutorError) => {
      assert.equal(error.code, "Unauthorized");
      assert.match(error.message, /^kubeconfig .*config: .*no-such-helper/);
      return true;
    });
  });
});
