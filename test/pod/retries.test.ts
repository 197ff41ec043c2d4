import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { location, program, putObject, shell, startPod, startServers, storedKeys } from "./desk.ts";
import { secrets, temporary, token } from "./servers.ts";

const made = { outputs: { artifacts: [{ name: "made", path: "/tmp/made" }] } };
/** In a status that says nothing of a retry: "Throttled by a scripted fault". */
const throttled = { kind: "status", status: 418, code: "Throttled" } as const;

describe("how often is asked again", () => {
  it("TRANSIENT_ERROR_PATTERN: what it matches is asked again, what it does not is not", async (t) => {
    for (const [pattern, code] of [
      ["(?i)THROTTLED[[:space:]]by", 0],
      ["^by a scripted", 64],
    ] as const) {
      const servers = await startServers(t);
      servers.store.addFault({ match: { method: "PUT", key: /made/ }, times: 2, ...throttled });
      const pod = await startPod(t, shell("echo 1 > /tmp/made", made), {
        servers,
        executorEnv: { TRANSIENT_ERROR_PATTERN: pattern, EXECUTOR_RETRY_BACKOFF_DURATION: "1ms" },
      });

      assert.equal((await pod.codes()).wait, code, pattern);
    }
  });

  it("TRANSIENT_ERROR_PATTERN: one that RE2 does not have ends the pod at the start, by its name", async (t) => {
    const pod = await startPod(t, shell("true"), { executorEnv: { TRANSIENT_ERROR_PATTERN: "(?!x)" } });

    assert.deepEqual(await pod.codes(), { init: 64 });
    assert.match(
      await pod.message("init"),
      /^TRANSIENT_ERROR_PATTERN must be a regular expression as RE2 has them/,
    );
  });

  it("RETRY_BACKOFF_STEPS: that often artifact delete asks a store that is away, and then says so", async (t) => {
    const servers = await startServers(t);
    await putObject(servers, "old", "x");
    servers.store.addFault({ match: { method: "DELETE" }, kind: "status", status: 503, code: "SlowDown" });
    const task = {
      group: "argoproj.io",
      version: "v1alpha1",
      resource: "workflowartifactgctasks",
      namespace: "argo",
    };
    const artifacts = { old: { name: "old", s3: { key: "old" } } };
    servers.api.create(task, {
      metadata: { name: "task", labels: { "workflows.argoproj.io/artifact-gc-pod": "1" } },
      spec: { artifactsByNode: { node: { archiveLocation: { s3: location(servers.store) }, artifacts } } },
    });

    const requests = async (steps: string) => {
      servers.store.clearRequests();
      await deleteArtifacts(t, servers.api.url, {
        RETRY_BACKOFF_STEPS: steps,
        RETRY_BACKOFF_DURATION: "1ms",
      });
      return servers.store.requests.filter(({ method }) => method === "DELETE").length;
    };
    // Each try is a few quick ones (docs/contract/artifacts.md#3.4).
    const once = await requests("1");

    assert.ok(once > 0);
    assert.equal(await requests("3"), 3 * once);
    assert.match(JSON.stringify(servers.api.find({ ...task, name: "task" })), /SlowDown/);
    assert.deepEqual(await storedKeys(servers), ["old"]);
  });
});

/** The artifact GC pod's main container. */
async function deleteArtifacts(t: TestContext, server: string, env: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(temporary, "gc-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [name, keys] of Object.entries(secrets)) {
    const folder = join(root, "argo/secret", name);
    mkdirSync(folder, { recursive: true });
    for (const [key, value] of Object.entries(keys)) writeFileSync(join(folder, key), value);
  }
  const args = ["artifact", "delete", "--server", server, "--token", token, "--namespace", "argo"];
  const path = process.env.PATH ?? "/usr/bin:/bin";
  await promisify(execFile)(program, args, {
    env: { PATH: path, ARGOEXEC_ROOT: root, ARGO_ARTIFACT_POD_NAME: "1", ...env },
  });
}
